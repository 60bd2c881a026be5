-- Needs: stock_change, bucket, stock_piece
-- The memberships that end on the day of the change.
SELECT 3 AS kind, stock_piece.organisation_id AS first_key, stock_piece.cluster AS second_key
FROM stock_change
JOIN bucket ON bucket.first_day <= stock_change.day AND stock_change.day <= bucket.last_day
JOIN stock_piece ON stock_piece.key = stock_change.key AND stock_piece.identity = stock_change.identity
    AND stock_piece.valid_to = stock_change.day
WHERE stock_change.change = 'left'
