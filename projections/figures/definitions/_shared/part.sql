-- Needs: closed, dissolved, running
-- The days of an enrolment, [valid_from, valid_to), by the record that was enrolled. They lie within the project's
-- running days, and end the day before a dissolution or before the last of the project's clusters closes.
SELECT
    enrolment.project_id, enrolment.organisation_id,
    greatest(enrolment.valid_from, running.valid_from) AS valid_from,
    least(enrolment.valid_to, running.valid_to, ending.closed_on, dissolved.dissolved_on) AS valid_to
FROM models.enrolment AS enrolment
JOIN running ON running.project_id = enrolment.project_id
LEFT JOIN (
    SELECT taking_part.project_id, max(closed.closed_on) AS closed_on
    FROM (SELECT project_id, unnest(clusters) AS cluster FROM running) AS taking_part
    JOIN closed ON closed.cluster = taking_part.cluster
    GROUP BY taking_part.project_id
) AS ending ON ending.project_id = enrolment.project_id
LEFT JOIN dissolved ON dissolved.organisation_id = enrolment.organisation_id
WHERE enrolment.known_from <= %(known_at)s AND %(known_at)s < enrolment.known_to
