-- Needs: held, named
-- How many took part in a held activity. A complete list names everybody but the unlisted; a total includes the named,
-- and is at least their number; without either, the named and the unlisted are all that is known.
SELECT
    held.activity_id,
    CASE
        WHEN held.complete OR held.total IS NULL THEN coalesce(named.named, 0) + coalesce(held.unlisted, 0)
        ELSE greatest(held.total, coalesce(named.named, 0))
    END AS participations
FROM held
LEFT JOIN named ON named.activity_id = held.activity_id
