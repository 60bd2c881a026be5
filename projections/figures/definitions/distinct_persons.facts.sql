-- Needs: recorded
-- Every recorded attendance.
SELECT 5 AS kind, activity_id AS first_key, CAST(person_ref AS text) AS second_key, code
FROM recorded
