-- Needs: sampled, profile
-- Organisations of every kind whose place is known to be rural or urban.
SELECT
    bucket, key,
    CAST(sum(CASE WHEN known AND counts THEN amount ELSE 0 END) AS bigint) AS numerator,
    CAST(sum(CASE WHEN known THEN amount ELSE 0 END) AS bigint) AS denominator,
    CAST(sum(CASE WHEN uncertain THEN amount ELSE 0 END) AS bigint) AS unknown
FROM (
    SELECT
        sampled.bucket,
        CASE WHEN %(dimension)s IN ('', 'cluster') THEN sampled.key ELSE coalesce(profile.code, 'unknown') END AS key,
        profile.spatial IS NOT NULL AS known,
        profile.spatial = 'rural' AS counts,
        profile.spatial IS NULL AS uncertain,
        sampled.amount
    FROM sampled
    LEFT JOIN profile ON profile.organisation_id = sampled.identity
        AND profile.valid_from <= sampled.day AND sampled.day < profile.valid_to
) AS classed
GROUP BY bucket, key
