-- Needs: involved, bucket, profile
-- Distinct identities: spells of two records that turned out to be one organisation collapse here.
SELECT
    involved.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN involved.key ELSE coalesce(profile.code, 'unknown') END AS key,
    count(*) AS value
FROM involved
JOIN bucket ON bucket.bucket = involved.bucket
LEFT JOIN profile ON profile.organisation_id = involved.identity
    AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
GROUP BY 1, 2
