-- Needs: bucket, running
-- Where a running project counts: in every stretch it has a day in, once for the programme, or by cluster: with each
-- that takes part, or with the lead alone.
SELECT bucket.bucket, member.key, member.project_id, bucket.first_day, bucket.last_day
FROM (
    SELECT project_id, valid_from, valid_to, '' AS key FROM running WHERE %(view)s = 'programme'
    UNION ALL
    SELECT project_id, valid_from, valid_to, unnest(clusters) FROM running WHERE %(view)s = 'participating'
    UNION ALL
    SELECT project_id, valid_from, valid_to, clusters[1] FROM running WHERE %(view)s = 'lead'
) AS member
JOIN bucket ON member.valid_from <= bucket.last_day AND bucket.first_day < member.valid_to
WHERE %(cluster)s = '' OR member.key = %(cluster)s
