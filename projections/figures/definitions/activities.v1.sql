-- Needs: held_cell
-- A joint activity has one cell for the programme, and one with each organiser in the participating view.
SELECT bucket, key, count(*) AS value
FROM held_cell
GROUP BY bucket, key
