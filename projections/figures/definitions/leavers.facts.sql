-- Needs: stock_change, bucket, stock_piece, dissolved, closed, profile
-- The memberships that end on the day of the change, and the dissolution (of the record, or of the organisation that it
-- was) or the closing of the cluster that ended them. A cluster's stream is named by its code alone.
SELECT side.kind, side.first_key, side.second_key, coalesce(profile.code, 'unknown') AS code
FROM stock_change
JOIN bucket ON bucket.first_day <= stock_change.day AND stock_change.day <= bucket.last_day
JOIN (
    SELECT key, identity, valid_to, 3 AS kind, organisation_id AS first_key, cluster AS second_key
    FROM stock_piece
    UNION ALL
    SELECT stock_piece.key, stock_piece.identity, stock_piece.valid_to, 2, dissolved.organisation_id, ''
    FROM stock_piece
    JOIN dissolved ON dissolved.dissolved_on = stock_piece.valid_to
        AND dissolved.organisation_id IN (stock_piece.organisation_id, stock_piece.identity)
    UNION ALL
    SELECT
        stock_piece.key, stock_piece.identity, stock_piece.valid_to,
        1, CAST('00000000-0000-0000-0000-000000000000' AS uuid), closed.cluster
    FROM stock_piece
    JOIN closed ON closed.cluster = stock_piece.cluster AND closed.closed_on = stock_piece.valid_to
) AS side ON side.key = stock_change.key AND side.identity = stock_change.identity
    AND side.valid_to = stock_change.day
LEFT JOIN profile ON profile.organisation_id = stock_change.identity
    AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
WHERE stock_change.change = 'left'
