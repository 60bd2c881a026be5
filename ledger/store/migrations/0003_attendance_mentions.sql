-- An attendance named three entities: three rows of ledger.mention, a third of what PostgreSQL did for
-- it. Now it is one row, without the person, of whom the read models know.

-- Derived, in the facts' transaction: which attendances ever named an activity and an organisation
-- together. Proven by `clusterledger check`.
CREATE TABLE ledger.attendance_mention (
    activity     uuid NOT NULL,
    organisation uuid,          -- null: the person came for none
    stream       uuid NOT NULL
);
INSERT INTO ledger.attendance_mention
SELECT DISTINCT (data ->> 'activity_id')::uuid, (data ->> 'organisation_id')::uuid, originator_id
FROM ledger.facts, LATERAL (SELECT convert_from(state, 'UTF8')::jsonb -> 'data' AS data) AS leaf
WHERE topic IN ('attendance.recorded.v1', 'attendance.registered.v1');
CREATE INDEX attendance_mention_by_activity ON ledger.attendance_mention (activity);
CREATE INDEX attendance_mention_by_organisation ON ledger.attendance_mention (organisation)
    WHERE organisation IS NOT NULL;

DELETE FROM ledger.mention WHERE kind = 5;

GRANT SELECT, INSERT ON ledger.attendance_mention TO clusterledger_writer;
GRANT SELECT ON ledger.attendance_mention TO clusterledger_projector, clusterledger_reader;
