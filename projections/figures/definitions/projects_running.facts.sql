-- Needs: running_cell
-- The projects' own streams.
SELECT 6 AS kind, project_id AS first_key, '' AS second_key, '' AS code FROM running_cell
