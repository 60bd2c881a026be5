-- Needs: member_involved, attendance_involved, enrolment_involved
-- Organisations involved in a stretch, each once however often and in whatever way.
SELECT bucket, key, identity FROM member_involved
UNION
SELECT bucket, key, identity FROM attendance_involved
UNION
SELECT bucket, key, identity FROM enrolment_involved
