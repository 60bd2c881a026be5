-- Needs: running_cell, part, resolved
-- Organisations enrolled in a running project on at least one day, each day under the identity of that day.
SELECT DISTINCT
    running_cell.bucket, running_cell.key, coalesce(resolved.identity, part.organisation_id) AS identity
FROM part
JOIN running_cell ON running_cell.project_id = part.project_id
    AND part.valid_from <= running_cell.last_day AND running_cell.first_day < part.valid_to
LEFT JOIN resolved ON resolved.organisation_id = part.organisation_id
    AND resolved.valid_from < part.valid_to AND part.valid_from < resolved.valid_to
    AND resolved.valid_from <= running_cell.last_day AND running_cell.first_day < resolved.valid_to
WHERE part.valid_from < part.valid_to
