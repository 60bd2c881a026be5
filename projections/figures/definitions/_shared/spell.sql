-- Needs: closed, dissolved
-- The days of membership, [valid_from, valid_to), by the record that was admitted; suspended days count. Dissolution
-- and the cluster's closing end a spell on the day before, whatever its own facts say.
SELECT
    membership.organisation_id, membership.cluster, membership.valid_from,
    least(membership.valid_to, closed.closed_on, dissolved.dissolved_on) AS valid_to
FROM models.membership AS membership
LEFT JOIN closed ON closed.cluster = membership.cluster
LEFT JOIN dissolved ON dissolved.organisation_id = membership.organisation_id
WHERE membership.known_from <= %(known_at)s AND %(known_at)s < membership.known_to
