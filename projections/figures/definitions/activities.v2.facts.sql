-- Needs: held_cell
-- The activities' own streams.
SELECT 4 AS kind, activity_id AS first_key, '' AS second_key FROM held_cell
