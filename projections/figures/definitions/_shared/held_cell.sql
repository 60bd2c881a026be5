-- Needs: bucket, held
-- Where a held activity counts: in the stretch its day lies in, once for the programme, or by cluster: with each
-- organiser, or with the lead alone. (The days are compared the long way round because a planner takes "outside one
-- end or the other" for less selective than "between", and here nearly every activity is inside.)
SELECT bucket.bucket, organiser.key, organiser.activity_id, organiser.held_on
FROM (
    SELECT activity_id, held_on, '' AS key FROM held WHERE %(view)s = 'programme'
    UNION ALL
    SELECT activity_id, held_on, unnest(organisers) FROM held WHERE %(view)s = 'participating'
    UNION ALL
    SELECT activity_id, held_on, organisers[1] FROM held WHERE %(view)s = 'lead'
) AS organiser
JOIN bucket ON NOT (organiser.held_on < bucket.first_day OR bucket.last_day < organiser.held_on)
WHERE %(cluster)s = '' OR organiser.key = %(cluster)s
