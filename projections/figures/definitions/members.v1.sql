-- Needs: member_on, profile
-- Distinct identities on the reference day, under the classes of that day.
SELECT
    member_on.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN member_on.key ELSE coalesce(profile.code, 'unknown') END AS key,
    count(*) AS value
FROM member_on
LEFT JOIN profile ON profile.organisation_id = member_on.identity
    AND profile.valid_from <= member_on.day AND member_on.day < profile.valid_to
GROUP BY 1, 2
