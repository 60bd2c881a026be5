-- A row for each attendance, found by its activity and by its organisation, were three entries in random
-- places, and the places of an index are most of what PostgreSQL does for a fact. Now a transaction
-- writes one row for each entity that its facts name, attendances or others: one entry for many streams.

-- A process of the release before, still running, fails at its next fact rather than write past this table.
-- squawk-ignore renaming-table
ALTER TABLE ledger.mention RENAME TO mention_of_one;

-- Derived, in the facts' transaction: which streams ever named an entity (what a void may leave behind,
-- which enrolments a project has, the trail of one organisation). Proven by `clusterledger check`.
CREATE TABLE ledger.mention (
    entity  uuid     NOT NULL,  -- an id as facts name it; a cluster by its stream's id
    kind    smallint NOT NULL,  -- of the streams: ledger.domain.streams.Kind
    streams uuid[]   NOT NULL   -- that named the entity for the first time in one transaction
);
ALTER TABLE ledger.mention ALTER COLUMN streams SET STORAGE EXTERNAL;  -- ids do not compress
-- Each stream mentions an entity once: the writer sees to it under the head lock, and `check` proves it.

INSERT INTO ledger.mention
SELECT entity, kind, array_agg(DISTINCT stream) FROM (
    SELECT entity, kind, stream FROM ledger.mention_of_one
    UNION ALL SELECT activity, 5, stream FROM ledger.attendance_mention
    UNION ALL SELECT organisation, 5, stream FROM ledger.attendance_mention WHERE organisation IS NOT NULL
) AS named GROUP BY entity, kind;
-- squawk-ignore ban-drop-table
DROP TABLE ledger.mention_of_one, ledger.attendance_mention;
CREATE INDEX mention_by_entity ON ledger.mention (entity, kind);

GRANT SELECT, INSERT ON ledger.mention TO clusterledger_writer;
GRANT SELECT ON ledger.mention TO clusterledger_projector, clusterledger_reader;
