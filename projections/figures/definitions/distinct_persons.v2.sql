-- Needs: visitors
-- Persons known by name only; coverage tells how many of the participations these are.
SELECT bucket, key, persons AS value
FROM visitors
