-- Needs: pair_on
-- Members on the last day of a stretch, each once however many clusters it is in.
SELECT DISTINCT bucket, key, day, identity FROM pair_on
