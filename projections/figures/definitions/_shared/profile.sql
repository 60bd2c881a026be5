-- What an organisation is on a day, [valid_from, valid_to); `code` is its class under the dimension asked for. The last
-- profile lasts for ever: an organisation that was dissolved since is still counted under what it was. NULL is unknown,
-- and so is every day before the first profile.
SELECT
    organisation_id, kind, size_class, spatial,
    CASE %(dimension)s
        WHEN 'kind' THEN kind
        WHEN 'size_class' THEN size_class
        WHEN 'spatial' THEN spatial
        WHEN 'nuts2' THEN left(nuts3, 4)
        WHEN 'nuts3' THEN nuts3
    END AS code,
    valid_from,
    lead(valid_from, 1, CAST('infinity' AS date))
        OVER (PARTITION BY organisation_id ORDER BY valid_from) AS valid_to
FROM models.organisation
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
