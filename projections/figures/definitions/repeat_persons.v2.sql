-- Needs: visitors
-- A visit is one person at one activity, so two of them are two activities.
SELECT bucket, key, repeat_persons AS value
FROM visitors
