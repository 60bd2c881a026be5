-- Needs: stock_piece, bucket
-- The memberships that cover the day before the stretch.
SELECT 3 AS kind, stock_piece.organisation_id AS first_key, stock_piece.cluster AS second_key
FROM stock_piece
JOIN bucket ON stock_piece.valid_from < bucket.first_day AND bucket.first_day <= stock_piece.valid_to
