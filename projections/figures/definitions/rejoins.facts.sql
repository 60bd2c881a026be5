-- Needs: stock_change, bucket, stock_piece, profile
-- The memberships that begin on the day of the change.
SELECT
    3 AS kind, stock_piece.organisation_id AS first_key, stock_piece.cluster AS second_key,
    coalesce(profile.code, 'unknown') AS code
FROM stock_change
JOIN bucket ON bucket.first_day <= stock_change.day AND stock_change.day <= bucket.last_day
JOIN stock_piece ON stock_piece.key = stock_change.key AND stock_piece.identity = stock_change.identity
    AND stock_piece.valid_from = stock_change.day
LEFT JOIN profile ON profile.organisation_id = stock_change.identity
    AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
WHERE stock_change.change = 'rejoined'
