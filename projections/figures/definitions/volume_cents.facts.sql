-- Needs: project_place, bucket, terms
-- The projects' own streams, once there is an amount.
SELECT 6 AS kind, project_place.project_id AS first_key, '' AS second_key, '' AS code
FROM project_place
JOIN bucket ON bucket.first_day <= project_place.approved_on AND project_place.approved_on <= bucket.last_day
    OR bucket.first_day <= project_place.started_on AND project_place.started_on <= bucket.last_day
JOIN terms ON terms.project_id = project_place.project_id AND terms.volume_cents IS NOT NULL
    AND terms.valid_from <= bucket.last_day AND bucket.last_day < terms.valid_to
