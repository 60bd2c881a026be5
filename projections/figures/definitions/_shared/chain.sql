-- Needs: stands_for
-- Every record that ever stood for another, step by step: itself, whom it stands for from a day on, whom that one
-- stands for ... The facts' rules keep the graph free of circles, so it ends.
SELECT
    organisation_id, organisation_id AS identity, 0 AS step, CAST('-infinity' AS date) AS valid_from
FROM stands_for
UNION ALL
SELECT chain.organisation_id, edge.target, chain.step + 1, greatest(chain.valid_from, edge.valid_from)
FROM chain
JOIN stands_for AS edge ON edge.organisation_id = chain.identity
