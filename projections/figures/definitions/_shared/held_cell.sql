-- Needs: held
-- Where a held activity counts: once for the programme, or by cluster, with each organiser or with the lead alone; and
-- in the stretch its day lies in. (Stretches are unnested, not joined: nothing but hashes joins the attendances then.)
SELECT bucket, key, activity_id, held_on
FROM (
    SELECT
        activity_id, held_on, key,
        unnest(CAST(%(bucket)s AS integer[])) AS bucket,
        unnest(CAST(%(first_day)s AS date[])) AS first_day,
        unnest(CAST(%(last_day)s AS date[])) AS last_day
    FROM (
        SELECT
            activity_id, held_on,
            unnest(CASE %(view)s
                WHEN 'programme' THEN ARRAY['']
                WHEN 'lead' THEN organisers[1:1]
                WHEN 'participating' THEN organisers
            END) AS key
        FROM held
    ) AS organiser
    WHERE %(cluster)s = '' OR key = %(cluster)s
) AS cell
WHERE first_day <= held_on AND held_on <= last_day
