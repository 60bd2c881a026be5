-- Needs: stock_change, bucket, profile
-- The stretch of the change's day, under the classes of the stretch's last day.
SELECT
    bucket.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN stock_change.key ELSE coalesce(profile.code, 'unknown') END AS key,
    count(*) AS value
FROM stock_change
JOIN bucket ON bucket.first_day <= stock_change.day AND stock_change.day <= bucket.last_day
LEFT JOIN profile ON profile.organisation_id = stock_change.identity
    AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
WHERE stock_change.change = 'rejoined'
GROUP BY 1, 2
