-- Needs: running_cell, enrolled
-- The enrolments of those who have a partner.
SELECT 7 AS kind, one.project_id AS first_key, CAST(one.organisation_id AS text) AS second_key, '' AS code
FROM running_cell
JOIN enrolled AS one ON one.project_id = running_cell.project_id
    AND one.valid_from <= running_cell.last_day AND running_cell.first_day < one.valid_to
JOIN enrolled AS other ON other.project_id = running_cell.project_id AND one.identity <> other.identity
    AND other.valid_from <= running_cell.last_day AND running_cell.first_day < other.valid_to
    AND one.valid_from < other.valid_to AND other.valid_from < one.valid_to
