-- Needs: spell_cell, involvement_stream, held_cell
-- What the organisations are counted for: memberships on the reference day, whatever involves them, or the attendances.
SELECT 3 AS kind, organisation_id AS first_key, cluster AS second_key
FROM spell_cell
WHERE last_day < valid_to AND %(of)s = 'members'
UNION ALL
SELECT kind, first_key, second_key
FROM involvement_stream
WHERE %(of)s = 'involved'
UNION ALL
SELECT 5, attendance.activity_id, CAST(attendance.person_ref AS text)
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.recorded AND %(of)s = 'participations'
