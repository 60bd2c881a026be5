-- Needs: same_person, marked
-- Persons registered for an activity and not recorded at it, under whatever reference.
SELECT attendance.activity_id, attendance.person_ref AS person
FROM models.attendance AS attendance
LEFT JOIN same_person ON same_person.person_ref = attendance.person_ref
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.registered AND NOT attendance.recorded AND same_person.person_ref IS NULL
UNION ALL
SELECT activity_id, person
FROM marked
GROUP BY activity_id, person
HAVING NOT bool_or(recorded)
