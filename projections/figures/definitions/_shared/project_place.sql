-- Where a project counts: once for the programme, or by cluster, with each that takes part or with the lead alone; and
-- the days of its life.
SELECT project_id, approved_on, started_on, last_day, key
FROM (
    SELECT
        project_id, approved_on, started_on, last_day,
        unnest(CASE %(view)s
            WHEN 'programme' THEN ARRAY['']
            WHEN 'lead' THEN clusters[1:1]
            WHEN 'participating' THEN clusters
        END) AS key
    FROM (
        SELECT DISTINCT project_id, clusters, approved_on, started_on, last_day
        FROM models.project
        WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
    ) AS project
) AS member
WHERE %(cluster)s = '' OR key = %(cluster)s
