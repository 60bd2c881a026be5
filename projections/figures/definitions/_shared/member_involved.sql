-- Needs: bucket, spell, resolved
-- Organisations with at least one member day, each day under the identity of that day.
SELECT DISTINCT
    bucket.bucket,
    CASE WHEN %(view)s = 'programme' THEN '' ELSE spell.cluster END AS key,
    coalesce(resolved.identity, spell.organisation_id) AS identity
FROM spell
LEFT JOIN resolved ON resolved.organisation_id = spell.organisation_id
    AND resolved.valid_from < spell.valid_to AND spell.valid_from < resolved.valid_to
JOIN bucket ON spell.valid_from <= bucket.last_day AND bucket.first_day < spell.valid_to
    AND (resolved.valid_from IS NULL
        OR (resolved.valid_from <= bucket.last_day AND bucket.first_day < resolved.valid_to))
WHERE spell.valid_from < spell.valid_to AND (%(cluster)s = '' OR spell.cluster = %(cluster)s)
