-- Needs: stock_piece, attended_since, project_place, enrolled
-- The first day ever on which an organisation is involved, in whatever way.
SELECT key, identity, min(day) AS day
FROM (
    SELECT key, identity, valid_from AS day FROM stock_piece
    UNION ALL
    SELECT key, identity, day FROM attended_since
    UNION ALL
    SELECT project_place.key, enrolled.identity, enrolled.valid_from
    FROM enrolled
    JOIN project_place ON project_place.project_id = enrolled.project_id
) AS involvement
GROUP BY key, identity
