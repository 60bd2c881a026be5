-- Needs: spell, resolved
-- The days of membership, [valid_from, valid_to), each under the identity of that day: of the whole programme, or by
-- cluster.
SELECT
    CASE %(view)s WHEN 'programme' THEN '' ELSE spell.cluster END AS key,
    spell.cluster, spell.organisation_id, coalesce(resolved.identity, spell.organisation_id) AS identity,
    greatest(spell.valid_from, resolved.valid_from) AS valid_from,
    least(spell.valid_to, resolved.valid_to) AS valid_to
FROM spell
LEFT JOIN resolved ON resolved.organisation_id = spell.organisation_id
    AND resolved.valid_from < spell.valid_to AND spell.valid_from < resolved.valid_to
WHERE spell.valid_from < spell.valid_to AND (%(cluster)s = '' OR spell.cluster = %(cluster)s)
