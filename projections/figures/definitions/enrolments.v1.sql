-- Needs: running_cell, enrolled, profile
-- A pair of project and organisation counts once, under the organisation's class on the first day of the pair.
SELECT bucket, key, count(*) AS value
FROM (
    SELECT DISTINCT
        running_cell.bucket,
        CASE WHEN %(dimension)s IN ('', 'cluster') THEN running_cell.key ELSE coalesce(profile.code, 'unknown') END AS key,
        enrolled.project_id, enrolled.identity
    FROM enrolled
    JOIN running_cell ON running_cell.project_id = enrolled.project_id
        AND enrolled.valid_from <= running_cell.last_day AND running_cell.first_day < enrolled.valid_to
    LEFT JOIN profile ON profile.organisation_id = enrolled.identity
        AND profile.valid_from <= enrolled.began AND enrolled.began < profile.valid_to
) AS pair
GROUP BY bucket, key
