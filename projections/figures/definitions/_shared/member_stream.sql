-- Needs: spell_cell, resolved
-- For the drill-down: the memberships that cover the last day of a stretch, under the identity of that day.
SELECT
    spell_cell.bucket, spell_cell.last_day AS day,
    coalesce(resolved.identity, spell_cell.organisation_id) AS identity,
    3 AS kind, spell_cell.organisation_id AS first_key, spell_cell.cluster AS second_key
FROM spell_cell
LEFT JOIN resolved ON resolved.organisation_id = spell_cell.organisation_id
    AND resolved.valid_from <= spell_cell.last_day AND spell_cell.last_day < resolved.valid_to
WHERE spell_cell.last_day < spell_cell.valid_to
