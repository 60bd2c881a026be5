-- Needs: pair_on, profile
-- Distinct pairs of identity and cluster on the reference day, under the classes of that day.
SELECT
    pair_on.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN pair_on.key ELSE coalesce(profile.code, 'unknown') END AS key,
    count(*) AS value
FROM pair_on
LEFT JOIN profile ON profile.organisation_id = pair_on.identity
    AND profile.valid_from <= pair_on.day AND pair_on.day < profile.valid_to
GROUP BY 1, 2
