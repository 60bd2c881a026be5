-- Needs: resolved
-- Records that stand for another organisation on some day. Few do.
SELECT organisation_id FROM resolved GROUP BY organisation_id
