-- Needs: member_stream, profile
-- The memberships that cover the reference day.
SELECT
    member_stream.kind, member_stream.first_key, member_stream.second_key, coalesce(profile.code, 'unknown') AS code
FROM member_stream
LEFT JOIN profile ON profile.organisation_id = member_stream.identity
    AND profile.valid_from <= member_stream.day AND member_stream.day < profile.valid_to
