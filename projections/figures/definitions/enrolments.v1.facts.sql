-- Needs: running_cell, enrolled
-- The enrolments' own streams.
SELECT 7 AS kind, enrolled.project_id AS first_key, CAST(enrolled.organisation_id AS text) AS second_key
FROM enrolled
JOIN running_cell ON running_cell.project_id = enrolled.project_id
    AND enrolled.valid_from <= running_cell.last_day AND running_cell.first_day < enrolled.valid_to
