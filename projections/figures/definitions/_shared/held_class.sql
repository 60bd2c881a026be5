-- Needs: held_cell, activity_profile
-- Where a held activity counts: where held_cell has it, or by what it is under the dimension asked for.
SELECT
    held_cell.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN held_cell.key ELSE coalesce(activity_profile.code, 'unknown') END AS key,
    held_cell.activity_id
FROM held_cell
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
