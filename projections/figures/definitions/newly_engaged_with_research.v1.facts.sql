-- Needs: bucket, engaged, enrolled_kind, running_cell
-- The enrolments of these companies that cover their first such day.
SELECT 7 AS kind, enrolled_kind.project_id AS first_key, CAST(enrolled_kind.organisation_id AS text) AS second_key
FROM enrolled_kind
JOIN running_cell ON running_cell.project_id = enrolled_kind.project_id
JOIN bucket ON bucket.bucket = running_cell.bucket
JOIN engaged ON engaged.identity = enrolled_kind.identity
    AND bucket.first_day <= engaged.day AND engaged.day <= bucket.last_day
    AND enrolled_kind.valid_from <= engaged.day AND engaged.day < enrolled_kind.valid_to
