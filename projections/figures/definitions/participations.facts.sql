-- Needs: held_cell, activity_profile, held, recorded, attendee, profile
-- The activities' own streams, with their head-counts and lists, and every recorded attendance. By the attendees'
-- classes a head-count is of nobody known.
SELECT
    4 AS kind, held_cell.activity_id AS first_key, '' AS second_key,
    coalesce(activity_profile.code, 'unknown') AS code
FROM held_cell
JOIN activity_profile ON activity_profile.activity_id = held_cell.activity_id
WHERE %(dimension)s NOT IN ('kind', 'size_class', 'spatial', 'nuts2', 'nuts3')
UNION ALL
SELECT 5, activity_id, CAST(person_ref AS text), code
FROM recorded
WHERE %(dimension)s NOT IN ('kind', 'size_class', 'spatial', 'nuts2', 'nuts3')
UNION ALL
SELECT 4, held.activity_id, '', 'unknown'
FROM held_cell
JOIN held ON held.activity_id = held_cell.activity_id AND coalesce(held.total, held.unlisted) IS NOT NULL
WHERE %(dimension)s IN ('kind', 'size_class', 'spatial', 'nuts2', 'nuts3')
UNION ALL
SELECT 5, attendee.activity_id, CAST(attendee.person_ref AS text), coalesce(profile.code, 'unknown')
FROM attendee
LEFT JOIN profile ON profile.organisation_id = attendee.identity
    AND profile.valid_from <= attendee.day AND attendee.day < profile.valid_to
WHERE %(dimension)s IN ('kind', 'size_class', 'spatial', 'nuts2', 'nuts3')
