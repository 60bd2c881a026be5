-- Needs: stock, bucket, resolved, profile
-- Of those in stock on the day before the stretch, those who are on its last day, or whose heirs are. Their class is
-- that of the day before; `joined` is the year in which they first came into stock.
SELECT
    bucket.bucket,
    CASE
        WHEN %(dimension)s IN ('', 'cluster') THEN base.key
        WHEN %(dimension)s = 'joined' THEN CAST(CAST(extract(year FROM entry.joined_on) AS integer) AS text)
        ELSE coalesce(profile.code, 'unknown')
    END AS key,
    count(kept.identity) AS numerator,
    count(*) AS denominator,
    0 AS unknown
FROM bucket
JOIN stock AS base ON base.valid_from < bucket.first_day AND bucket.first_day <= base.valid_to
JOIN (
    SELECT key, identity, min(valid_from) AS joined_on FROM stock GROUP BY key, identity
) AS entry ON entry.key = base.key AND entry.identity = base.identity
LEFT JOIN resolved ON resolved.organisation_id = base.identity
    AND resolved.valid_from <= bucket.last_day AND bucket.last_day < resolved.valid_to
LEFT JOIN stock AS kept ON kept.key = base.key AND kept.identity = coalesce(resolved.identity, base.identity)
    AND kept.valid_from <= bucket.last_day AND bucket.last_day < kept.valid_to
LEFT JOIN profile ON profile.organisation_id = base.identity
    AND profile.valid_from < bucket.first_day AND bucket.first_day <= profile.valid_to
GROUP BY 1, 2
