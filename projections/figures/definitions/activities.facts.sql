-- Needs: held_cell, activity_profile
-- The activities' own streams.
SELECT
    4 AS kind, held_cell.activity_id AS first_key, '' AS second_key,
    coalesce(activity_profile.code, 'unknown') AS code
FROM held_cell
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
