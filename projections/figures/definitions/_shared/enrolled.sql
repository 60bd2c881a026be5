-- Needs: part, resolved
-- The days of an enrolment, [valid_from, valid_to), each under the identity of that day; `began` is the first day of this
-- identity in this project.
-- Materialized: asked for more than once.
SELECT
    project_id, organisation_id, identity, valid_from, valid_to,
    min(valid_from) OVER (PARTITION BY project_id, identity) AS began
FROM (
    SELECT
        part.project_id, part.organisation_id, coalesce(resolved.identity, part.organisation_id) AS identity,
        greatest(part.valid_from, resolved.valid_from) AS valid_from,
        least(part.valid_to, resolved.valid_to) AS valid_to
    FROM part
    LEFT JOIN resolved ON resolved.organisation_id = part.organisation_id
        AND resolved.valid_from < part.valid_to AND part.valid_from < resolved.valid_to
    WHERE part.valid_from < part.valid_to
) AS piece
