-- Needs: repeated
-- Persons recorded by name, by activity. The key of an attendance is activity and reference: a row is a person, but for
-- the references that are known to name one person.
SELECT counted.activity_id, counted.refs - coalesce(repeated.repeated, 0) AS named
FROM (
    SELECT activity_id, count(*) AS refs
    FROM models.attendance
    WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND recorded
    GROUP BY activity_id
) AS counted
LEFT JOIN repeated ON repeated.activity_id = counted.activity_id
