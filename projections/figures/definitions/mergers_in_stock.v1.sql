-- Needs: stock_change, bucket
-- An heir that was not in stock takes the place of one of those it absorbs: that one is no loss.
SELECT
    bucket.bucket, stock_change.key,
    CAST(sum(CASE stock_change.change WHEN 'absorbed' THEN 1 ELSE -1 END) AS bigint) AS value
FROM stock_change
JOIN bucket ON bucket.first_day <= stock_change.day AND stock_change.day <= bucket.last_day
WHERE stock_change.change IN ('absorbed', 'succeeded')
GROUP BY bucket.bucket, stock_change.key
