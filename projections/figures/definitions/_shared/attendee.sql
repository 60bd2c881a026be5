-- Needs: held_cell, resolved, marked
-- For the drill-down: every participation by name, under the identity of whom the person came for, NULL if for nobody.
-- Of the references of one person the smallest that names an organisation counts, as in `sent`.
SELECT
    attendance.activity_id, attendance.person_ref, held_cell.held_on AS day,
    coalesce(resolved.identity, attendance.organisation_id) AS identity
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
LEFT JOIN (
    SELECT
        activity_id, person_ref,
        row_number() OVER (
            PARTITION BY activity_id, person ORDER BY organisation_id IS NULL, person_ref
        ) AS turn
    FROM marked
    WHERE recorded
) AS again ON again.activity_id = attendance.activity_id AND again.person_ref = attendance.person_ref
LEFT JOIN resolved ON resolved.organisation_id = attendance.organisation_id
    AND resolved.valid_from <= held_cell.held_on AND held_cell.held_on < resolved.valid_to
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to AND attendance.recorded
    AND coalesce(again.turn, 1) = 1
