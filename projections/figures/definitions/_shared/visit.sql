-- Needs: same_person, marked
-- Persons recorded by name at an activity, each once: references that are known to name one person are that person.
SELECT attendance.activity_id, attendance.person_ref AS person
FROM models.attendance AS attendance
LEFT JOIN same_person ON same_person.person_ref = attendance.person_ref
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.recorded AND same_person.person_ref IS NULL
UNION ALL
SELECT DISTINCT activity_id, person
FROM marked
WHERE recorded
