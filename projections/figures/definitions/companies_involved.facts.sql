-- Needs: bucket, involvement_stream, profile
-- As the figure: companies on the last day of the stretch.
SELECT
    involvement_stream.kind, involvement_stream.first_key, involvement_stream.second_key,
    coalesce(profile.code, 'unknown') AS code
FROM involvement_stream
JOIN bucket ON bucket.bucket = involvement_stream.bucket
LEFT JOIN profile ON profile.organisation_id = involvement_stream.identity
    AND profile.valid_from <= bucket.last_day AND bucket.last_day < profile.valid_to
WHERE profile.kind = 'company'
