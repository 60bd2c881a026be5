-- Which class an organisation has on a day, [valid_from, valid_to). The last one lasts for ever: an organisation that was
-- dissolved since is still counted under what it was. Before the first one the class is unknown.
SELECT
    organisation_id, kind, valid_from,
    lead(valid_from, 1, CAST('infinity' AS date))
        OVER (PARTITION BY organisation_id ORDER BY valid_from) AS valid_to
FROM models.organisation
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
