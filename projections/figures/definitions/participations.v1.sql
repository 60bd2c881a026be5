-- Needs: held_cell, participation
-- Counted by activity first, since head-counts belong to an activity as a whole; then wherever the activity counts.
SELECT held_cell.bucket, held_cell.key, CAST(sum(participation.participations) AS bigint) AS value
FROM held_cell
JOIN participation ON participation.activity_id = held_cell.activity_id
GROUP BY held_cell.bucket, held_cell.key
