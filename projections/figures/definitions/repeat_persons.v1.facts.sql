-- Needs: held_cell, visit, same_person
-- The recorded attendances of those who came twice or more.
SELECT 5 AS kind, attendance.activity_id AS first_key, CAST(attendance.person_ref AS text) AS second_key
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
LEFT JOIN same_person ON same_person.person_ref = attendance.person_ref
JOIN (
    SELECT held_cell.bucket, held_cell.key, visit.person
    FROM visit
    JOIN held_cell ON held_cell.activity_id = visit.activity_id
    GROUP BY 1, 2, 3
    HAVING count(*) >= 2
) AS repeated_visit ON repeated_visit.bucket = held_cell.bucket AND repeated_visit.key = held_cell.key
    AND repeated_visit.person = coalesce(same_person.person, attendance.person_ref)
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to AND attendance.recorded
