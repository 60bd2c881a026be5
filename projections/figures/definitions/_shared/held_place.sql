-- Needs: held
-- Where a held activity counts whatever the day: once for the programme, or by cluster, with each organiser or with the
-- lead alone.
SELECT activity_id, held_on, key
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
