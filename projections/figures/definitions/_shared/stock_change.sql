-- Needs: stock, absorbed
-- Every change of the stock on its day: `joined` for the first time, `rejoined`, `succeeded` (an heir that was not in
-- stock takes the place of one it absorbs), `left`, `absorbed`. The stock after a day is the stock before, and these.
SELECT
    stock.key, stock.identity, stock.valid_from AS day,
    CASE
        WHEN succession.heir IS NOT NULL THEN 'succeeded'
        WHEN stock.turn = 1 THEN 'joined'
        ELSE 'rejoined'
    END AS change
FROM stock
LEFT JOIN (SELECT DISTINCT key, heir, day FROM absorbed) AS succession
    ON succession.key = stock.key AND succession.heir = stock.identity AND succession.day = stock.valid_from
UNION ALL
SELECT
    stock.key, stock.identity, stock.valid_to,
    CASE WHEN absorbed.identity IS NOT NULL THEN 'absorbed' ELSE 'left' END
FROM stock
LEFT JOIN absorbed
    ON absorbed.key = stock.key AND absorbed.identity = stock.identity AND absorbed.day = stock.valid_to
WHERE stock.valid_to < CAST('infinity' AS date)
