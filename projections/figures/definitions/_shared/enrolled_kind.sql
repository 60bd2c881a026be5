-- Needs: enrolled, profile
-- The days of an enrolment by what the organisation was on them.
SELECT
    enrolled.project_id, enrolled.organisation_id, enrolled.identity, profile.kind,
    greatest(enrolled.valid_from, profile.valid_from) AS valid_from,
    least(enrolled.valid_to, profile.valid_to) AS valid_to
FROM enrolled
JOIN profile ON profile.organisation_id = enrolled.identity
    AND profile.valid_from < enrolled.valid_to AND enrolled.valid_from < profile.valid_to
