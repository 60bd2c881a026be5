-- Needs: stock_piece
-- When an organisation is in stock, [valid_from, valid_to): adjacent and overlapping spells are one. `turn` 1 is its
-- first time, later ones have come back.
-- Materialized: asked for more than once.
SELECT key, identity, turn, min(valid_from) AS valid_from, max(valid_to) AS valid_to
FROM (
    SELECT
        key, identity, valid_from, valid_to,
        sum(opens) OVER (
            PARTITION BY key, identity ORDER BY valid_from, valid_to ROWS UNBOUNDED PRECEDING
        ) AS turn
    FROM (
        SELECT
            key, identity, valid_from, valid_to,
            CASE
                WHEN valid_from <= max(valid_to) OVER (
                    PARTITION BY key, identity ORDER BY valid_from, valid_to
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) THEN 0
                ELSE 1
            END AS opens
        FROM stock_piece
    ) AS piece
) AS numbered
GROUP BY key, identity, turn
