-- Needs: held_cell, activity_profile
-- For the drill-down: every recorded attendance, by where and what its activity is.
SELECT
    held_cell.bucket, held_cell.key, attendance.activity_id, attendance.person_ref,
    coalesce(activity_profile.code, 'unknown') AS code
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to AND attendance.recorded
