-- The days a project runs, [valid_from, valid_to): from its start to its last day, for which it need not be approved yet.
SELECT
    project_id, clusters, min(started_on) AS valid_from,
    coalesce(max(last_day) + 1, CAST('infinity' AS date)) AS valid_to
FROM models.project
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND started_on IS NOT NULL
GROUP BY project_id, clusters
