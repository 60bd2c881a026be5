-- The volume and the grant of a project on a day, [valid_from, valid_to); NULL before its approval.
SELECT project_id, volume_cents, grant_cents, valid_from, valid_to
FROM models.project
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
