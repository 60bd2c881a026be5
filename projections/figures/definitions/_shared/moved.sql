-- Records that stand for another organisation on some day. Few do.
SELECT organisation_id
FROM models.identity_edge
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
GROUP BY organisation_id
