-- Needs: bucket, involvement_stream, class
-- As the figure: companies on the last day of the stretch.
SELECT involvement_stream.kind, involvement_stream.first_key, involvement_stream.second_key
FROM involvement_stream
JOIN bucket ON bucket.bucket = involvement_stream.bucket
JOIN class ON class.organisation_id = involvement_stream.identity
    AND class.valid_from <= bucket.last_day AND bucket.last_day < class.valid_to
WHERE class.kind = 'company'
