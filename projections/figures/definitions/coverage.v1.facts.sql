-- Needs: held_cell
-- The activities' own streams, with their head-counts and lists, and every recorded attendance.
SELECT 4 AS kind, activity_id AS first_key, '' AS second_key FROM held_cell
UNION ALL
SELECT 5, attendance.activity_id, CAST(attendance.person_ref AS text)
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to AND attendance.recorded
