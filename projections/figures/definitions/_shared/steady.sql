-- Needs: moved, profile
-- Since when an organisation is itself and what it is for ever. On any day since, it counts as on that one: attendances
-- then need not be told apart by their days, which keeps half a million rows fast.
SELECT profile.organisation_id, max(profile.valid_from) AS since
FROM profile
LEFT JOIN moved ON moved.organisation_id = profile.organisation_id
WHERE moved.organisation_id IS NULL
GROUP BY profile.organisation_id
