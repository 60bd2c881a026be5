-- Needs: gone, stock
-- Materialized: asked for more than once.
-- Who leaves the stock by a merger: its heir is in stock on that day. `since` is the day the heir came into stock.
SELECT gone.key, gone.identity, gone.heir, gone.day, stock.valid_from AS since
FROM gone
JOIN stock ON stock.key = gone.key AND stock.identity = gone.heir
    AND stock.valid_from <= gone.day AND gone.day < stock.valid_to
