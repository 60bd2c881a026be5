-- Needs: running_cell
-- The projects' own streams.
SELECT 6 AS kind, project_id AS first_key, '' AS second_key FROM running_cell
