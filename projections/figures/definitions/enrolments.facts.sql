-- Needs: running_cell, enrolled, profile
-- The enrolments' own streams, under the class of the pair's first day.
SELECT
    7 AS kind, enrolled.project_id AS first_key, CAST(enrolled.organisation_id AS text) AS second_key,
    coalesce(profile.code, 'unknown') AS code
FROM enrolled
JOIN running_cell ON running_cell.project_id = enrolled.project_id
    AND enrolled.valid_from <= running_cell.last_day AND running_cell.first_day < enrolled.valid_to
LEFT JOIN profile ON profile.organisation_id = enrolled.identity
    AND profile.valid_from <= enrolled.began AND enrolled.began < profile.valid_to
