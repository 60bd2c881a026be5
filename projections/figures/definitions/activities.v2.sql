-- Needs: held_cell, activity_profile
-- A joint activity has one cell for the programme, and one with each organiser in the participating view.
SELECT
    held_cell.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN held_cell.key ELSE coalesce(activity_profile.code, 'unknown') END AS key,
    count(*) AS value
FROM held_cell
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
GROUP BY 1, 2
