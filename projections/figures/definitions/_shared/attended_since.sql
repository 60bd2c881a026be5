-- Needs: held_place, moved, resolved
-- The first day an organisation attended a held activity by name, under the identity of the activity's day. As in
-- `attended`, the day tells records apart only where they stand for another organisation on some days.
SELECT seen.key, coalesce(resolved.identity, seen.organisation_id) AS identity, seen.day
FROM (
    SELECT
        held_place.key, attendance.organisation_id,
        CASE WHEN moved.organisation_id IS NOT NULL THEN held_place.held_on END AS moved_day,
        min(held_place.held_on) AS day
    FROM models.attendance AS attendance
    JOIN held_place ON held_place.activity_id = attendance.activity_id
    LEFT JOIN moved ON moved.organisation_id = attendance.organisation_id
    WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
        AND attendance.recorded AND attendance.organisation_id IS NOT NULL
    GROUP BY
        held_place.key, attendance.organisation_id,
        CASE WHEN moved.organisation_id IS NOT NULL THEN held_place.held_on END
) AS seen
LEFT JOIN resolved ON resolved.organisation_id = seen.organisation_id
    AND resolved.valid_from <= seen.moved_day AND seen.moved_day < resolved.valid_to
