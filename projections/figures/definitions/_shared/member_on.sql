-- Needs: stock, bucket
-- Members on the last day of a stretch, each once however many clusters it is in.
SELECT bucket.bucket, stock.key, bucket.last_day AS day, stock.identity
FROM bucket
JOIN stock ON stock.valid_from <= bucket.last_day AND bucket.last_day < stock.valid_to
