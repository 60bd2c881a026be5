-- Needs: recorded, same_person
-- The recorded attendances of those who came twice or more: to two activities of the cell, whatever the reference.
SELECT 5 AS kind, visited.activity_id AS first_key, CAST(visited.person_ref AS text) AS second_key, visited.code
FROM (
    SELECT
        recorded.activity_id, recorded.person_ref, recorded.code,
        min(CAST(recorded.activity_id AS text)) OVER same AS one,
        max(CAST(recorded.activity_id AS text)) OVER same AS other
    FROM recorded
    LEFT JOIN same_person ON same_person.person_ref = recorded.person_ref
    WINDOW same AS (
        PARTITION BY recorded.bucket, recorded.key, recorded.code,
            coalesce(same_person.person, recorded.person_ref)
    )
) AS visited
WHERE visited.one <> visited.other
