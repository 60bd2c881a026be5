-- The book. Facts are inserted and never changed; one head row is the lock that makes the order of
-- positions equal to the order of commits, so readers never see a gap.

-- One row: which ledger this is, and how far it is. Locking it is the permission to append.
CREATE TABLE ledger.head (
    singleton   boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    origin      text        NOT NULL CHECK (origin ~ '^[a-z0-9.-]+(/[a-zA-Z0-9._~-]+)*$' AND length(origin) <= 200),
    position    bigint      NOT NULL DEFAULT 0 CHECK (position >= 0),
    recorded_at timestamptz NOT NULL DEFAULT 'epoch'
);

-- Column names are the eventsourcing library's: originator = stream, notification_id = position.
CREATE TABLE ledger.facts (
    notification_id    bigint      PRIMARY KEY,           -- position, from 1, without gaps
    originator_id      uuid        NOT NULL,              -- stream
    originator_version bigint      NOT NULL,              -- version in the stream, from 1, without gaps
    topic              text        NOT NULL,              -- type
    state              bytea       NOT NULL CHECK (octet_length(state) <= 65535), -- the leaf, as hashed
    leaf_hash          bytea       NOT NULL CHECK (octet_length(leaf_hash) = 32), -- SHA-256(0x00 || leaf)
    event_key          uuid        NOT NULL,              -- 128 bits of SHA-256 over (source, id)
    recorded_at        timestamptz NOT NULL,              -- the leaf's; never decreasing
    CONSTRAINT facts_stream_version UNIQUE (originator_id, originator_version),
    CONSTRAINT facts_event_key UNIQUE (event_key)
);
-- The insert pattern is append-only: vacuum only for the visibility map, analyse as it grows.
ALTER TABLE ledger.facts SET (autovacuum_vacuum_insert_scale_factor = 0.2, autovacuum_analyze_scale_factor = 0.1);
-- An instant is turned into a position by bisection over the key: recorded_at never decreases.

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'facts are immutable: % is refused', TG_OP
        USING HINT = 'A correction is a new fact: post fact.voided with a reason, then the replacement.';
END $$;
CREATE TRIGGER facts_are_immutable BEFORE UPDATE OR DELETE ON ledger.facts
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_change();
CREATE TRIGGER facts_are_kept BEFORE TRUNCATE ON ledger.facts
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();
ALTER TABLE ledger.facts ENABLE ALWAYS TRIGGER facts_are_immutable;
ALTER TABLE ledger.facts ENABLE ALWAYS TRIGGER facts_are_kept;

CREATE FUNCTION ledger.refuse_identity_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP <> 'UPDATE' OR NEW.origin <> OLD.origin OR NEW.position < OLD.position OR NEW.recorded_at < OLD.recorded_at THEN
        RAISE EXCEPTION 'the head only moves forward, and a ledger keeps its origin';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER head_moves_forward BEFORE UPDATE OR DELETE ON ledger.head
    FOR EACH ROW EXECUTE FUNCTION ledger.refuse_identity_change();
ALTER TABLE ledger.head ENABLE ALWAYS TRIGGER head_moves_forward;

-- Derived, in the facts' transaction: which streams ever named an entity (what a void may leave behind,
-- which enrolments a project has, the trail of one organisation). Proven by `clusterledger check`.
CREATE TABLE ledger.mention (
    entity uuid     NOT NULL,   -- an id as facts name it; a cluster by its stream's id
    kind   smallint NOT NULL,   -- of the stream: ledger.domain.streams.Kind
    stream uuid     NOT NULL
);
-- Each stream mentions an entity once: the writer sees to it under the head lock, and `check` proves
-- it. A unique key over all three would double what an attendance costs.
CREATE INDEX mention_by_entity ON ledger.mention (entity, kind);

-- Derived, in the facts' transaction: standing registrations of an activity, for its capacity.
CREATE TABLE ledger.seats (
    activity_id uuid   PRIMARY KEY,
    taken       bigint NOT NULL CHECK (taken >= 0)
) WITH (fillfactor = 70);

-- Derived, in the facts' transaction: references that accept no new fact.
CREATE TABLE ledger.erased (
    person_ref uuid PRIMARY KEY
);

-- Keys of the API. The key itself is never stored; neither is a name in the facts.
CREATE TABLE ledger.api_key (
    key_id     uuid        PRIMARY KEY,
    sha256     bytea       NOT NULL UNIQUE CHECK (octet_length(sha256) = 32),
    label      text        NOT NULL CHECK (length(label) BETWEEN 1 AND 200),
    scopes     text[]      NOT NULL,
    clusters   text[]      NOT NULL,
    sources    text[]      NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    revoked_at timestamptz
);

GRANT SELECT, INSERT ON ledger.facts, ledger.mention TO clusterledger_writer;
GRANT SELECT, UPDATE (position, recorded_at) ON ledger.head TO clusterledger_writer;
GRANT SELECT, INSERT, UPDATE ON ledger.seats TO clusterledger_writer;
GRANT SELECT, INSERT ON ledger.erased TO clusterledger_writer;
GRANT SELECT, INSERT, UPDATE (revoked_at) ON ledger.api_key TO clusterledger_writer;
GRANT SELECT ON ledger.head, ledger.facts, ledger.mention, ledger.seats, ledger.erased
    TO clusterledger_projector, clusterledger_reader;
