-- Needs: bucket, involved, class
-- Of the organisations involved, those that are companies on the last day of the stretch.
SELECT involved.bucket, involved.key, count(*) AS value
FROM involved
JOIN bucket ON bucket.bucket = involved.bucket
JOIN class ON class.organisation_id = involved.identity
    AND class.valid_from <= bucket.last_day AND bucket.last_day < class.valid_to
WHERE class.kind = 'company'
GROUP BY involved.bucket, involved.key
