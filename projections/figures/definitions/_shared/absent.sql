-- Needs: same_person
-- Persons registered for an activity and not recorded at it, under whatever reference.
SELECT attendance.activity_id, attendance.person_ref AS person
FROM models.attendance AS attendance
LEFT JOIN same_person ON same_person.person_ref = attendance.person_ref
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.registered AND NOT attendance.recorded AND same_person.person_ref IS NULL
UNION ALL
SELECT attendance.activity_id, same_person.person
FROM models.attendance AS attendance
JOIN same_person ON same_person.person_ref = attendance.person_ref
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
GROUP BY attendance.activity_id, same_person.person
HAVING NOT bool_or(attendance.recorded)
