-- Needs: held_cell, activity_profile, recorded
-- The activities' own streams, with their head-counts and lists, and every recorded attendance.
SELECT
    4 AS kind, held_cell.activity_id AS first_key, '' AS second_key,
    coalesce(activity_profile.code, 'unknown') AS code
FROM held_cell
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
UNION ALL
SELECT 5, activity_id, CAST(person_ref AS text), code
FROM recorded
