-- Needs: spell_cell, resolved
-- Organisations with at least one member day, each day under the identity of that day.
SELECT DISTINCT
    spell_cell.bucket, spell_cell.key, coalesce(resolved.identity, spell_cell.organisation_id) AS identity
FROM spell_cell
LEFT JOIN resolved ON resolved.organisation_id = spell_cell.organisation_id
    AND resolved.valid_from < spell_cell.valid_to AND spell_cell.valid_from < resolved.valid_to
    AND resolved.valid_from <= spell_cell.last_day AND spell_cell.first_day < resolved.valid_to
