-- Needs: closed, dissolved, resolved
-- The days of membership, [valid_from, valid_to), by the record that was admitted, in one piece for each identity it has
-- on them; suspended days count. The cluster's closing, and the dissolution of the record or of the organisation that it
-- is on that day, end them on the day before, whatever their own facts say.
SELECT
    membership.organisation_id, membership.cluster,
    greatest(membership.valid_from, heir.since) AS valid_from,
    least(
        membership.valid_to, heir.until, closed.closed_on, dissolved.dissolved_on, heir.gone_on
    ) AS valid_to
FROM models.membership AS membership
LEFT JOIN closed ON closed.cluster = membership.cluster
LEFT JOIN dissolved ON dissolved.organisation_id = membership.organisation_id
LEFT JOIN (
    -- Other names: DuckDB takes no two arguments of one name for the same function.
    SELECT resolved.organisation_id, resolved.valid_from AS since, resolved.valid_to AS until,
        dissolved.dissolved_on AS gone_on
    FROM resolved
    LEFT JOIN dissolved ON dissolved.organisation_id = resolved.identity
) AS heir ON heir.organisation_id = membership.organisation_id
    AND heir.since < membership.valid_to AND membership.valid_from < heir.until
WHERE membership.known_from <= %(known_at)s AND %(known_at)s < membership.known_to
