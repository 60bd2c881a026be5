-- Activities that took place. Planned and cancelled ones count nowhere.
SELECT activity_id, held_on, organisers, total, unlisted, complete
FROM models.activity
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND held_on IS NOT NULL AND NOT cancelled
