-- Needs: stock_piece, bucket, resolved, profile
-- The memberships that cover the day before the stretch, and those by which they, or their heirs, are still there.
SELECT kind, first_key, second_key,
    CASE %(dimension)s
        WHEN 'joined' THEN CAST(CAST(extract(year FROM joined_on) AS integer) AS text)
        ELSE coalesce(code, 'unknown')
    END AS code
FROM (
    SELECT 3 AS kind, base.organisation_id AS first_key, base.cluster AS second_key, profile.code, entry.joined_on
    FROM bucket
    JOIN stock_piece AS base ON base.valid_from < bucket.first_day AND bucket.first_day <= base.valid_to
    JOIN (
        SELECT key, identity, min(valid_from) AS joined_on FROM stock_piece GROUP BY key, identity
    ) AS entry ON entry.key = base.key AND entry.identity = base.identity
    LEFT JOIN profile ON profile.organisation_id = base.identity
        AND profile.valid_from < bucket.first_day AND bucket.first_day <= profile.valid_to
    UNION ALL
    SELECT 3, kept.organisation_id, kept.cluster, profile.code, entry.joined_on
    FROM bucket
    JOIN stock_piece AS base ON base.valid_from < bucket.first_day AND bucket.first_day <= base.valid_to
    JOIN (
        SELECT key, identity, min(valid_from) AS joined_on FROM stock_piece GROUP BY key, identity
    ) AS entry ON entry.key = base.key AND entry.identity = base.identity
    LEFT JOIN resolved ON resolved.organisation_id = base.identity
        AND resolved.valid_from <= bucket.last_day AND bucket.last_day < resolved.valid_to
    JOIN stock_piece AS kept ON kept.key = base.key AND kept.identity = coalesce(resolved.identity, base.identity)
        AND kept.valid_from <= bucket.last_day AND bucket.last_day < kept.valid_to
    LEFT JOIN profile ON profile.organisation_id = base.identity
        AND profile.valid_from < bucket.first_day AND bucket.first_day <= profile.valid_to
) AS membership
