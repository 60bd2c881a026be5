-- Needs: spell_cell, resolved
-- Who is a member of which cluster on the last day of a stretch, under the identity of that day.
SELECT DISTINCT
    spell_cell.bucket, spell_cell.key, spell_cell.cluster, spell_cell.last_day AS day,
    coalesce(resolved.identity, spell_cell.organisation_id) AS identity
FROM spell_cell
LEFT JOIN resolved ON resolved.organisation_id = spell_cell.organisation_id
    AND resolved.valid_from <= spell_cell.last_day AND spell_cell.last_day < resolved.valid_to
WHERE spell_cell.last_day < spell_cell.valid_to
