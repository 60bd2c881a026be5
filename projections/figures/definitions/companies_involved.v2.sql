-- Needs: involved, bucket, profile
-- Of the organisations involved, those that are companies on the last day of the stretch.
SELECT
    involved.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN involved.key ELSE coalesce(profile.code, 'unknown') END AS key,
    count(*) AS value
FROM involved
JOIN bucket ON bucket.bucket = involved.bucket
JOIN profile ON profile.organisation_id = involved.identity
    AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
WHERE profile.kind = 'company'
GROUP BY 1, 2
