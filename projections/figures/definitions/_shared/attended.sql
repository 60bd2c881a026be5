-- Needs: held_cell, moved
-- For which records somebody attended by name, and where that counts. The day matters only to records that stand for
-- another organisation on some days; all others collapse here, which keeps half a million rows fast.
SELECT DISTINCT
    held_cell.bucket, held_cell.key, attendance.organisation_id,
    CASE WHEN moved.organisation_id IS NOT NULL THEN held_cell.held_on END AS moved_day
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
LEFT JOIN moved ON moved.organisation_id = attendance.organisation_id
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.recorded AND attendance.organisation_id IS NOT NULL
