-- Needs: sent, resolved, held_cell, participation
-- Participations by the attendees' organisation, under the identity of the activity's day; head-counts, and attendees
-- without an organisation, are nobody's: all participations less those of organisations.
SELECT
    sent.bucket, sent.key, coalesce(resolved.identity, sent.organisation_id) AS identity, sent.day, sent.persons
FROM sent
LEFT JOIN resolved ON resolved.organisation_id = sent.organisation_id
    AND resolved.valid_from <= sent.day AND sent.day < resolved.valid_to
UNION ALL
SELECT bucket, key, CAST(NULL AS uuid), CAST(NULL AS date), -sum(persons)
FROM sent
GROUP BY bucket, key
UNION ALL
SELECT held_cell.bucket, held_cell.key, CAST(NULL AS uuid), CAST(NULL AS date), sum(participation.participations)
FROM held_cell
JOIN participation ON participation.activity_id = held_cell.activity_id
GROUP BY held_cell.bucket, held_cell.key
