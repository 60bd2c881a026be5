-- Needs: held_cell, absent, named, activity_profile
-- Where nobody was recorded and no list came in, nobody knows who stayed away: such an activity adds nothing.
SELECT
    held_cell.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN held_cell.key ELSE coalesce(activity_profile.code, 'unknown') END AS key,
    count(*) AS value
FROM absent
JOIN held_cell ON held_cell.activity_id = absent.activity_id
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
LEFT JOIN named ON named.activity_id = held_cell.activity_id
WHERE named.named > 0 OR activity_profile.listed
GROUP BY 1, 2
