-- Needs: member_on, bucket, involved, participant
-- What a share is of: members on the last day of a stretch, organisations involved, or participations; with the day on
-- which the organisation's class counts. Participations of no known organisation have none.
SELECT bucket, key, identity, day, 1 AS amount
FROM member_on
WHERE %(of)s = 'members'
UNION ALL
SELECT involved.bucket, involved.key, involved.identity, bucket.last_day, 1
FROM involved
JOIN bucket ON bucket.bucket = involved.bucket
WHERE %(of)s = 'involved'
UNION ALL
SELECT bucket, key, identity, day, persons
FROM participant
WHERE %(of)s = 'participations'
