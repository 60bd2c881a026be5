-- Needs: running_cell
-- A joint project has one cell for the programme, and one with each cluster in the participating view.
SELECT bucket, key, count(*) AS value
FROM running_cell
GROUP BY bucket, key
