-- Needs: running_cell, enrolled
-- Two organisations in one running project on a common day of the stretch: each pair once, in however many projects.
-- (Three stretches of days that overlap two by two have a day in common.)
SELECT bucket, key, count(*) AS value
FROM (
    SELECT DISTINCT running_cell.bucket, running_cell.key, one.identity, other.identity AS partner
    FROM running_cell
    JOIN enrolled AS one ON one.project_id = running_cell.project_id
        AND one.valid_from <= running_cell.last_day AND running_cell.first_day < one.valid_to
    JOIN enrolled AS other ON other.project_id = running_cell.project_id AND one.identity < other.identity
        AND other.valid_from <= running_cell.last_day AND running_cell.first_day < other.valid_to
        AND one.valid_from < other.valid_to AND other.valid_from < one.valid_to
) AS edge
GROUP BY bucket, key
