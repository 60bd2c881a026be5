-- Needs: held_cell, visit, activity_profile
-- Persons known by name only; coverage tells how many of the participations these are.
SELECT bucket, key, count(*) AS value
FROM (
    SELECT DISTINCT
        held_cell.bucket,
        CASE WHEN %(dimension)s IN ('', 'cluster') THEN held_cell.key ELSE coalesce(activity_profile.code, 'unknown') END AS key,
        visit.person
    FROM visit
    JOIN held_cell ON held_cell.activity_id = visit.activity_id
    JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
) AS seen
GROUP BY bucket, key
