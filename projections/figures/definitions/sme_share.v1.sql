-- Needs: sampled, profile
-- Companies of known size; unknown is whatever might be a company and has no known size.
SELECT
    bucket, key,
    CAST(sum(CASE WHEN known AND counts THEN amount ELSE 0 END) AS bigint) AS numerator,
    CAST(sum(CASE WHEN known THEN amount ELSE 0 END) AS bigint) AS denominator,
    CAST(sum(CASE WHEN uncertain THEN amount ELSE 0 END) AS bigint) AS unknown
FROM (
    SELECT
        sampled.bucket,
        CASE WHEN %(dimension)s IN ('', 'cluster') THEN sampled.key ELSE coalesce(profile.code, 'unknown') END AS key,
        profile.kind = 'company' AND profile.size_class IS NOT NULL AS known,
        profile.size_class IN ('micro', 'small', 'medium', 'sme') AS counts,
        profile.kind IS NULL OR profile.kind = 'company' AND profile.size_class IS NULL AS uncertain,
        sampled.amount
    FROM sampled
    LEFT JOIN profile ON profile.organisation_id = sampled.identity
        AND profile.valid_from <= sampled.day AND sampled.day < profile.valid_to
) AS classed
GROUP BY bucket, key
