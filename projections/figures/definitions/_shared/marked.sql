-- Needs: same_person
-- Attendances under a reference that is known to name one person with another one. They are few: the array lets an index
-- find them.
SELECT
    attendance.activity_id, attendance.person_ref, same_person.person,
    attendance.organisation_id, attendance.registered, attendance.recorded
FROM models.attendance AS attendance
JOIN same_person ON same_person.person_ref = attendance.person_ref
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.person_ref = ANY(CAST(ARRAY(SELECT person_ref FROM same_person) AS uuid[]))
