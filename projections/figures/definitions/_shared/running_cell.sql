-- Needs: running
-- Where a running project counts: once for the programme, or by cluster, with each that takes part or with the lead
-- alone; and in every stretch it has a day in.
SELECT bucket, key, project_id, first_day, last_day
FROM (
    SELECT
        project_id, valid_from, valid_to, key,
        unnest(CAST(%(bucket)s AS integer[])) AS bucket,
        unnest(CAST(%(first_day)s AS date[])) AS first_day,
        unnest(CAST(%(last_day)s AS date[])) AS last_day
    FROM (
        SELECT
            project_id, valid_from, valid_to,
            unnest(CASE %(view)s
                WHEN 'programme' THEN ARRAY['']
                WHEN 'lead' THEN clusters[1:1]
                WHEN 'participating' THEN clusters
            END) AS key
        FROM running
    ) AS member
    WHERE %(cluster)s = '' OR key = %(cluster)s
) AS cell
WHERE valid_from <= last_day AND first_day < valid_to
