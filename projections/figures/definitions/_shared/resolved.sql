-- Needs: chain
-- Which organisation such a record is on a day, [valid_from, valid_to). A step lasts until the next one begins; a
-- duplicate's own step lasts no day at all and is left out. Records that are not here are themselves.
SELECT organisation_id, identity, valid_from, valid_to
FROM (
    SELECT
        organisation_id, identity, valid_from,
        lead(valid_from, 1, CAST('infinity' AS date))
            OVER (PARTITION BY organisation_id ORDER BY step) AS valid_to
    FROM chain
) AS step
WHERE valid_from < valid_to
