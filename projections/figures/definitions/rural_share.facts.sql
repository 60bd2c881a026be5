-- Needs: counted_stream, profile
-- What the organisations are counted for: memberships on the reference day, whatever involves them, or the attendances and
-- head-counts.
SELECT
    counted_stream.kind, counted_stream.first_key, counted_stream.second_key, coalesce(profile.code, 'unknown') AS code
FROM counted_stream
LEFT JOIN profile ON profile.organisation_id = counted_stream.identity
    AND profile.valid_from <= counted_stream.day AND counted_stream.day < profile.valid_to
