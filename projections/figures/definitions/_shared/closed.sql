-- From which day on a cluster is no more; infinity while it is open.
SELECT cluster, max(valid_to) AS closed_on
FROM models.cluster
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
GROUP BY cluster
