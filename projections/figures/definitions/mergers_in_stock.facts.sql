-- Needs: stock_change, bucket, stock_piece
-- The absorbed organisations' own streams, and their memberships up to the merger.
SELECT 2 AS kind, stock_change.identity AS first_key, '' AS second_key, '' AS code
FROM stock_change
JOIN bucket ON bucket.first_day <= stock_change.day AND stock_change.day <= bucket.last_day
WHERE stock_change.change = 'absorbed'
UNION ALL
SELECT 3, stock_piece.organisation_id, stock_piece.cluster, ''
FROM stock_change
JOIN bucket ON bucket.first_day <= stock_change.day AND stock_change.day <= bucket.last_day
JOIN stock_piece ON stock_piece.key = stock_change.key AND stock_piece.identity = stock_change.identity
    AND stock_piece.valid_to = stock_change.day
WHERE stock_change.change = 'absorbed'
