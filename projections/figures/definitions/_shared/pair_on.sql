-- Needs: stock_piece, bucket
-- Who is a member of which cluster on the last day of a stretch, under the identity of that day.
SELECT DISTINCT bucket.bucket, stock_piece.key, stock_piece.cluster, bucket.last_day AS day, stock_piece.identity
FROM bucket
JOIN stock_piece ON stock_piece.valid_from <= bucket.last_day AND bucket.last_day < stock_piece.valid_to
