-- Needs: held_cell, named, participation, activity_profile
-- The named among all participations; nothing about a participation is unknown but who it was.
SELECT
    held_cell.bucket,
    CASE WHEN %(dimension)s IN ('', 'cluster') THEN held_cell.key ELSE coalesce(activity_profile.code, 'unknown') END AS key,
    CAST(sum(coalesce(named.named, 0)) AS bigint) AS numerator,
    CAST(sum(participation.participations) AS bigint) AS denominator,
    0 AS unknown
FROM held_cell
JOIN participation ON participation.activity_id = held_cell.activity_id
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
LEFT JOIN named ON named.activity_id = held_cell.activity_id
GROUP BY 1, 2
