-- Needs: project_place, bucket
-- The stretch in which a project was approved.
SELECT bucket.bucket, project_place.key, count(*) AS value
FROM project_place
JOIN bucket ON bucket.first_day <= project_place.approved_on AND project_place.approved_on <= bucket.last_day
GROUP BY bucket.bucket, project_place.key
