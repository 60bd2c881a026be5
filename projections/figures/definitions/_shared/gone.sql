-- Needs: stock, resolved
-- Materialized: few, so that what is asked of them looks at few.
-- Who is absorbed from the very day it is no longer in stock, and by whom.
SELECT stock.key, stock.identity, resolved.identity AS heir, stock.valid_to AS day
FROM stock
JOIN resolved ON resolved.organisation_id = stock.identity AND resolved.identity <> stock.identity
    AND resolved.valid_from <= stock.valid_to AND stock.valid_to < resolved.valid_to
