-- Needs: held_cell, participation, attendee, resolved
-- Participations by the attendees' organisation, under the identity of the activity's day; head-counts, and attendees
-- without an organisation, are nobody's.
SELECT
    held_cell.bucket, held_cell.key, coalesce(resolved.identity, attendee.organisation_id) AS identity,
    held_cell.held_on AS day, attendee.persons
FROM attendee
JOIN held_cell ON held_cell.activity_id = attendee.activity_id
LEFT JOIN resolved ON resolved.organisation_id = attendee.organisation_id
    AND resolved.valid_from <= held_cell.held_on AND held_cell.held_on < resolved.valid_to
UNION ALL
SELECT
    held_cell.bucket, held_cell.key, CAST(NULL AS uuid), held_cell.held_on,
    participation.participations - coalesce(sent.persons, 0)
FROM held_cell
JOIN participation ON participation.activity_id = held_cell.activity_id
LEFT JOIN (
    SELECT activity_id, sum(persons) AS persons FROM attendee GROUP BY activity_id
) AS sent ON sent.activity_id = held_cell.activity_id
