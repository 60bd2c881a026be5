-- Needs: held_cell, participation, activity_profile, participant, profile
-- Counted by activity first, since head-counts belong to an activity as a whole; then wherever the activity counts. By
-- the attendees' classes, each participation counts under its organisation's class on the activity's day.
SELECT bucket, key, CAST(sum(persons) AS bigint) AS value
FROM (
    SELECT
        held_cell.bucket,
        CASE WHEN %(dimension)s IN ('', 'cluster') THEN held_cell.key ELSE coalesce(activity_profile.code, 'unknown') END AS key,
        participation.participations AS persons
    FROM held_cell
    JOIN participation ON participation.activity_id = held_cell.activity_id
    JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
    WHERE %(dimension)s NOT IN ('kind', 'size_class', 'spatial', 'nuts2', 'nuts3')
    UNION ALL
    SELECT participant.bucket, coalesce(profile.code, 'unknown'), participant.persons
    FROM participant
    LEFT JOIN profile ON profile.organisation_id = participant.identity
        AND profile.valid_from <= participant.day AND participant.day < profile.valid_to
    WHERE %(dimension)s IN ('kind', 'size_class', 'spatial', 'nuts2', 'nuts3')
) AS part
GROUP BY bucket, key
