-- Needs: same_person
-- How often one person was recorded at an activity under a further reference. Few references are ever marked, so this
-- looks at few rows.
SELECT attendance.activity_id, count(*) - count(DISTINCT same_person.person) AS repeated
FROM models.attendance AS attendance
JOIN same_person ON same_person.person_ref = attendance.person_ref
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to AND attendance.recorded
GROUP BY attendance.activity_id
