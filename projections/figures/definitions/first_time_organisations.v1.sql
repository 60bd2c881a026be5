-- Needs: involved_since, bucket, profile
-- The stretch of that first day, under the classes of the stretch's last day.
SELECT
    bucket.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN involved_since.key ELSE coalesce(profile.code, 'unknown') END AS key,
    count(*) AS value
FROM involved_since
JOIN bucket ON bucket.first_day <= involved_since.day AND involved_since.day <= bucket.last_day
LEFT JOIN profile ON profile.organisation_id = involved_since.identity
    AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
GROUP BY 1, 2
