-- From which day on an organisation is no more.
SELECT organisation_id, min(dissolved_on) AS dissolved_on
FROM models.organisation
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND dissolved_on IS NOT NULL
GROUP BY organisation_id
