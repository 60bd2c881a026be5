-- Needs: spell_cell, held_cell, running_cell, part, resolved
-- For the drill-down: the streams that involve an organisation in a stretch. A stream is named by its kind (3 membership,
-- 5 attendance, 7 enrolment) and its key.
SELECT
    spell_cell.bucket, coalesce(resolved.identity, spell_cell.organisation_id) AS identity,
    3 AS kind, spell_cell.organisation_id AS first_key, spell_cell.cluster AS second_key
FROM spell_cell
LEFT JOIN resolved ON resolved.organisation_id = spell_cell.organisation_id
    AND resolved.valid_from < spell_cell.valid_to AND spell_cell.valid_from < resolved.valid_to
    AND resolved.valid_from <= spell_cell.last_day AND spell_cell.first_day < resolved.valid_to
UNION ALL
SELECT
    held_cell.bucket, coalesce(resolved.identity, attendance.organisation_id),
    5, attendance.activity_id, CAST(attendance.person_ref AS text)
FROM models.attendance AS attendance
JOIN held_cell ON held_cell.activity_id = attendance.activity_id
LEFT JOIN resolved ON resolved.organisation_id = attendance.organisation_id
    AND resolved.valid_from <= held_cell.held_on AND held_cell.held_on < resolved.valid_to
WHERE attendance.known_from <= %(known_at)s AND %(known_at)s < attendance.known_to
    AND attendance.recorded AND attendance.organisation_id IS NOT NULL
UNION ALL
SELECT
    running_cell.bucket, coalesce(resolved.identity, part.organisation_id),
    7, part.project_id, CAST(part.organisation_id AS text)
FROM part
JOIN running_cell ON running_cell.project_id = part.project_id
    AND part.valid_from <= running_cell.last_day AND running_cell.first_day < part.valid_to
LEFT JOIN resolved ON resolved.organisation_id = part.organisation_id
    AND resolved.valid_from < part.valid_to AND part.valid_from < resolved.valid_to
    AND resolved.valid_from <= running_cell.last_day AND running_cell.first_day < resolved.valid_to
WHERE part.valid_from < part.valid_to
