-- Needs: spell
-- Where a spell counts: once for the programme, or in its own cluster; and in every stretch it has a day in.
SELECT bucket, key, organisation_id, cluster, valid_from, valid_to, first_day, last_day
FROM (
    SELECT
        organisation_id, cluster, valid_from, valid_to,
        CASE %(view)s WHEN 'programme' THEN '' ELSE cluster END AS key,
        unnest(CAST(%(bucket)s AS integer[])) AS bucket,
        unnest(CAST(%(first_day)s AS date[])) AS first_day,
        unnest(CAST(%(last_day)s AS date[])) AS last_day
    FROM spell
    WHERE valid_from < valid_to AND (%(cluster)s = '' OR cluster = %(cluster)s)
) AS cell
WHERE valid_from <= last_day AND first_day < valid_to
