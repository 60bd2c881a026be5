-- The one edge a record follows. A record that is known as a duplicate was never an organisation of its own, so a
-- merger it named acts only through the record it duplicates.
SELECT edge.organisation_id, edge.target, edge.valid_from
FROM models.identity_edge AS edge
WHERE edge.known_from <= %(known_at)s AND %(known_at)s < edge.known_to
    AND (edge.relation = 'duplicate' OR NOT EXISTS (
        SELECT 1 FROM models.identity_edge AS duplicate
        WHERE duplicate.organisation_id = edge.organisation_id AND duplicate.relation = 'duplicate'
            AND duplicate.known_from <= %(known_at)s AND %(known_at)s < duplicate.known_to
    ))
