-- Needs: held_class, same_person, marked
-- How many persons known by name there are where their visits count, and how many of them were there twice or more. The
-- key of an attendance is activity and reference: a reference has as many visits as rows, and is a person; but for the
-- references that are known to name one person. They are few, and counted apart.
SELECT
    bucket, key, count(*) AS persons,
    CAST(sum(CASE WHEN visits > 1 THEN 1 ELSE 0 END) AS bigint) AS repeat_persons
FROM (
    SELECT ref.bucket, ref.key, ref.visits
    FROM (
        SELECT held_class.bucket, held_class.key, attendance.person_ref, count(*) AS visits
        FROM models.attendance AS attendance
        JOIN held_class ON held_class.activity_id = attendance.activity_id
        WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to AND attendance.recorded
        GROUP BY 1, 2, 3
    ) AS ref
    LEFT JOIN same_person ON same_person.person_ref = ref.person_ref
    WHERE same_person.person_ref IS NULL
    UNION ALL
    SELECT held_class.bucket, held_class.key, count(*)
    FROM (SELECT DISTINCT activity_id, person FROM marked WHERE recorded) AS visit
    JOIN held_class ON held_class.activity_id = visit.activity_id
    GROUP BY held_class.bucket, held_class.key, visit.person
) AS visitor
GROUP BY bucket, key
