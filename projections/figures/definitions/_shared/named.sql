-- Persons recorded by name, by activity. The key of an attendance is activity and person: a row is a person.
SELECT activity_id, count(*) AS named
FROM models.attendance
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND recorded
GROUP BY activity_id
