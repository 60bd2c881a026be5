-- Every reference that is marked as a duplicate, and whom it names, step by step. The facts' rules keep it free of
-- circles, so it ends.
SELECT person_ref, target AS person, 1 AS step
FROM models.person_edge
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
UNION ALL
SELECT person_chain.person_ref, edge.target, person_chain.step + 1
FROM person_chain
JOIN models.person_edge AS edge ON edge.person_ref = person_chain.person
WHERE edge.known_from <= %(known_at)s AND %(known_at)s < edge.known_to
