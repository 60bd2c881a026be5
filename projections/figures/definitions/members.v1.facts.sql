-- Needs: spell_cell
-- The memberships that cover the reference day.
SELECT 3 AS kind, organisation_id AS first_key, cluster AS second_key
FROM spell_cell
WHERE last_day < valid_to
