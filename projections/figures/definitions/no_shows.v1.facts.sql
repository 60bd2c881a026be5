-- Needs: held_cell, named, activity_profile
-- The registrations of those who were not recorded.
SELECT 5 AS kind, attendance.activity_id AS first_key, CAST(attendance.person_ref AS text) AS second_key
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
LEFT JOIN named ON named.activity_id = held_cell.activity_id
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.registered AND NOT attendance.recorded AND (named.named > 0 OR activity_profile.listed)
