-- Needs: bucket, involved_since, involvement_stream, profile
-- Whatever involved these organisations in the stretch.
SELECT
    involvement_stream.kind, involvement_stream.first_key, involvement_stream.second_key,
    coalesce(profile.code, 'unknown') AS code
FROM involvement_stream
JOIN bucket ON bucket.bucket = involvement_stream.bucket
JOIN involved_since ON involved_since.identity = involvement_stream.identity
    AND bucket.first_day <= involved_since.day AND involved_since.day <= bucket.last_day
LEFT JOIN profile ON profile.organisation_id = involvement_stream.identity
    AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
