-- Needs: same_person
-- How many persons an organisation sent to an activity, by the record that was named. A person who was recorded under
-- several references counts under the smallest that names an organisation; the few others are taken off again.
-- Materialized: asked for more than once.
SELECT activity_id, organisation_id, count(*) AS persons
FROM models.attendance
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND recorded AND organisation_id IS NOT NULL
GROUP BY activity_id, organisation_id
UNION ALL
SELECT activity_id, organisation_id, -count(*)
FROM (
    SELECT
        attendance.activity_id, attendance.organisation_id,
        row_number() OVER (
            PARTITION BY attendance.activity_id, same_person.person ORDER BY attendance.person_ref
        ) AS turn
    FROM models.attendance AS attendance
    JOIN same_person ON same_person.person_ref = attendance.person_ref
    WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
        AND attendance.recorded AND attendance.organisation_id IS NOT NULL
) AS again
WHERE turn > 1
GROUP BY activity_id, organisation_id
