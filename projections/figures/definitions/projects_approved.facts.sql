-- Needs: project_place, bucket
-- The projects' own streams.
SELECT 6 AS kind, project_place.project_id AS first_key, '' AS second_key, '' AS code
FROM project_place
JOIN bucket ON bucket.first_day <= project_place.approved_on AND project_place.approved_on <= bucket.last_day
