-- Needs: involved
-- Distinct identities: spells of two records that turned out to be one organisation collapse here.
SELECT bucket, key, count(*) AS value
FROM involved
GROUP BY bucket, key
