-- Needs: bucket, member_stream, involvement_stream, attendee, held_cell, held
-- For the drill-down: what a share is counted on, as in `sampled`, stream by stream, with the identity and the day whose
-- class counts; a head-count is of nobody known.
SELECT kind, first_key, second_key, identity, day
FROM member_stream
WHERE %(of)s = 'members'
UNION ALL
SELECT
    involvement_stream.kind, involvement_stream.first_key, involvement_stream.second_key,
    involvement_stream.identity, bucket.last_day
FROM involvement_stream
JOIN bucket ON bucket.bucket = involvement_stream.bucket
WHERE %(of)s = 'involved'
UNION ALL
SELECT 5, activity_id, CAST(person_ref AS text), identity, day
FROM attendee
WHERE %(of)s = 'participations'
UNION ALL
SELECT 4, held.activity_id, '', CAST(NULL AS uuid), held.held_on
FROM held_cell
JOIN held ON held.activity_id = held_cell.activity_id AND coalesce(held.total, held.unlisted) IS NOT NULL
WHERE %(of)s = 'participations'
