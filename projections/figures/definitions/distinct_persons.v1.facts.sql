-- Needs: held_cell
-- Every recorded attendance.
SELECT 5 AS kind, attendance.activity_id AS first_key, CAST(attendance.person_ref AS text) AS second_key
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to AND attendance.recorded
