-- Needs: held_cell, visit, activity_profile
-- A visit is one person at one activity, so two of them are two activities.
SELECT bucket, key, count(*) AS value
FROM (
    SELECT
        held_cell.bucket,
        CASE WHEN %(dimension)s IN ('', 'cluster') THEN held_cell.key ELSE coalesce(activity_profile.code, 'unknown') END AS key,
        visit.person
    FROM visit
    JOIN held_cell ON held_cell.activity_id = visit.activity_id
    JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
    GROUP BY 1, 2, 3
    HAVING count(*) >= 2
) AS repeated_visit
GROUP BY bucket, key
