-- Needs: attended, resolved
-- Organisations a named person attended a held activity for, under the identity of the activity's day.
SELECT DISTINCT
    attended.bucket, attended.key, coalesce(resolved.identity, attended.organisation_id) AS identity
FROM attended
LEFT JOIN resolved ON resolved.organisation_id = attended.organisation_id
    AND resolved.valid_from <= attended.moved_day AND attended.moved_day < resolved.valid_to
