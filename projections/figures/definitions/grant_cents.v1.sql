-- Needs: project_place, bucket, terms
-- The terms in force on the last day of the stretch; a project that is not approved by then has none yet.
SELECT
    bucket.bucket, project_place.key,
    CAST(sum(
        CASE
            WHEN bucket.first_day <= project_place.approved_on AND project_place.approved_on <= bucket.last_day
                THEN coalesce(terms.grant_cents, 0)
            ELSE 0
        END
    ) AS bigint) AS approved,
    CAST(sum(
        CASE
            WHEN bucket.first_day <= project_place.started_on AND project_place.started_on <= bucket.last_day
                THEN coalesce(terms.grant_cents, 0)
            ELSE 0
        END
    ) AS bigint) AS started
FROM project_place
JOIN bucket ON bucket.first_day <= project_place.approved_on AND project_place.approved_on <= bucket.last_day
    OR bucket.first_day <= project_place.started_on AND project_place.started_on <= bucket.last_day
JOIN terms ON terms.project_id = project_place.project_id
    AND terms.valid_from <= bucket.last_day AND bucket.last_day < terms.valid_to
GROUP BY bucket.bucket, project_place.key
