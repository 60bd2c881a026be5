-- Needs: project_place, bucket
-- The stretch in which a project ended.
SELECT bucket.bucket, project_place.key, count(*) AS value
FROM project_place
JOIN bucket ON bucket.first_day <= project_place.last_day AND project_place.last_day <= bucket.last_day
GROUP BY bucket.bucket, project_place.key
