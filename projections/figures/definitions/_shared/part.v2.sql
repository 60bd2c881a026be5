-- Needs: closed, dissolved, resolved, running
-- The days of an enrolment, [valid_from, valid_to), by the record that was enrolled, in one piece for each identity it
-- has on them. They lie within the project's running days, and end the day before the last of the project's clusters
-- closes, or the record or the organisation that it is on that day is dissolved.
SELECT
    enrolment.project_id, enrolment.organisation_id,
    greatest(enrolment.valid_from, running.started_on, heir.since) AS valid_from,
    least(
        enrolment.valid_to, running.over_on, heir.until, ending.closed_on, dissolved.dissolved_on,
        heir.gone_on
    ) AS valid_to
FROM models.enrolment AS enrolment
JOIN (SELECT project_id, valid_from AS started_on, valid_to AS over_on FROM running) AS running
    ON running.project_id = enrolment.project_id
LEFT JOIN (
    SELECT taking_part.project_id, max(closed.closed_on) AS closed_on
    FROM (SELECT project_id, unnest(clusters) AS cluster FROM running) AS taking_part
    JOIN closed ON closed.cluster = taking_part.cluster
    GROUP BY taking_part.project_id
) AS ending ON ending.project_id = enrolment.project_id
LEFT JOIN dissolved ON dissolved.organisation_id = enrolment.organisation_id
LEFT JOIN (
    -- Other names: DuckDB takes no two arguments of one name for the same function.
    SELECT resolved.organisation_id, resolved.valid_from AS since, resolved.valid_to AS until,
        dissolved.dissolved_on AS gone_on
    FROM resolved
    LEFT JOIN dissolved ON dissolved.organisation_id = resolved.identity
) AS heir ON heir.organisation_id = enrolment.organisation_id
    AND heir.since < enrolment.valid_to AND enrolment.valid_from < heir.until
WHERE enrolment.known_from <= %(known_at)s AND %(known_at)s < enrolment.known_to
