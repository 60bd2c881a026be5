-- Needs: held_cell, absent, same_person, named, activity_profile
-- The registrations of those who were not recorded, under whatever reference.
SELECT
    5 AS kind, attendance.activity_id AS first_key, CAST(attendance.person_ref AS text) AS second_key,
    coalesce(activity_profile.code, 'unknown') AS code
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
LEFT JOIN same_person ON same_person.person_ref = attendance.person_ref
JOIN absent ON absent.activity_id = attendance.activity_id
    AND absent.person = coalesce(same_person.person, attendance.person_ref)
LEFT JOIN named ON named.activity_id = held_cell.activity_id
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.registered AND NOT attendance.recorded AND (named.named > 0 OR activity_profile.listed)
