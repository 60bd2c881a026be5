-- Needs: stock_piece, bucket, resolved, profile
-- The memberships that cover the day before the stretch, and those by which they, or their heirs, are still there.
SELECT
    3 AS kind, base.organisation_id AS first_key, base.cluster AS second_key, coalesce(profile.code, 'unknown') AS code
FROM bucket
JOIN stock_piece AS base ON base.valid_from < bucket.first_day AND bucket.first_day <= base.valid_to
LEFT JOIN profile ON profile.organisation_id = base.identity
    AND profile.valid_from < bucket.first_day AND bucket.first_day <= profile.valid_to
UNION ALL
SELECT 3, kept.organisation_id, kept.cluster, coalesce(profile.code, 'unknown')
FROM bucket
JOIN stock_piece AS base ON base.valid_from < bucket.first_day AND bucket.first_day <= base.valid_to
LEFT JOIN resolved ON resolved.organisation_id = base.identity
    AND resolved.valid_from <= bucket.last_day AND bucket.last_day < resolved.valid_to
JOIN stock_piece AS kept ON kept.key = base.key AND kept.identity = coalesce(resolved.identity, base.identity)
    AND kept.valid_from <= bucket.last_day AND bucket.last_day < kept.valid_to
LEFT JOIN profile ON profile.organisation_id = base.identity
    AND profile.valid_from < bucket.first_day AND bucket.first_day <= profile.valid_to
