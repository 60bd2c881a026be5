-- Needs: held_cell, steady, marked
-- How many persons an organisation sent to held activities, by the record that was named; `day` stands for all days on
-- which it counts as on that one. A person who was recorded at an activity under several references counts under the
-- smallest that names an organisation; the few others are taken off again.
-- Materialized: asked for more than once.
SELECT
    held_cell.bucket, held_cell.key, attendance.organisation_id,
    CASE WHEN steady.since <= held_cell.held_on THEN steady.since ELSE held_cell.held_on END AS day,
    count(*) AS persons
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
LEFT JOIN steady ON steady.organisation_id = attendance.organisation_id
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.recorded AND attendance.organisation_id IS NOT NULL
GROUP BY 1, 2, 3, 4
UNION ALL
SELECT held_cell.bucket, held_cell.key, again.organisation_id, held_cell.held_on, -count(*)
FROM (
    SELECT
        activity_id, organisation_id,
        row_number() OVER (PARTITION BY activity_id, person ORDER BY person_ref) AS turn
    FROM marked
    WHERE recorded AND organisation_id IS NOT NULL
) AS again
JOIN held_cell ON held_cell.activity_id = again.activity_id
WHERE again.turn > 1
GROUP BY 1, 2, 3, 4
