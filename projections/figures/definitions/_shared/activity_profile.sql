-- What an activity is; `code` is its class under the dimension asked for, NULL where it is unknown.
SELECT
    activity_id, listed,
    CASE %(dimension)s
        WHEN 'activity_kind' THEN kind
        WHEN 'mode' THEN mode
        WHEN 'activity_nuts2' THEN left(nuts3, 4)
        WHEN 'activity_nuts3' THEN nuts3
    END AS code
FROM models.activity
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
