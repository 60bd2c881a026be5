"""The schema that holds the read models: made, granted, and known by a fingerprint."""

from hashlib import sha256
from typing import Any, Final

from psycopg import Connection, sql

from ledger.store.database import PROJECTOR, READER, UNLIMITED, connect
from projections.models import MODELS, TABLES
from projections.models.base import Table

LIVE: Final = "models"
"""What everybody reads."""
NEXT: Final = "models_next"
"""Built beside the live one by a rebuild."""
PREVIOUS: Final = "models_previous"
"""What was live before the last swap, kept for a rollback."""
CHECKED: Final = "models_check"
"""Built to compare the live one with, and dropped."""

APPLICATION: Final = "ledger"
"""The name under which the position is tracked: whose facts these are."""

FILLED: Final = "filled"
"""The name under which a rebuild notes how many facts it has folded so far."""

_LOCK_CLASS: Final = 0x636C7573
"""The first key of our advisory locks; the second is the hash of what is locked."""

_ADMINISTRATION: Final = """
-- Which code these tables were made by. Other code needs a rebuild.
CREATE TABLE meta (
    singleton   boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    fingerprint text        NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now()
);
-- The last position that is in the tables, in the eventsourcing library's single-row form.
CREATE TABLE tracking (
    application_name text   PRIMARY KEY,
    notification_id  bigint
) WITH (fillfactor = 50);
CREATE VIEW progress AS
    SELECT notification_id AS position FROM tracking WHERE application_name = 'ledger';
-- The fact at which the runner stopped. No row: all is well.
CREATE TABLE alarm (
    singleton boolean     PRIMARY KEY DEFAULT true CHECK (singleton),
    position  bigint      NOT NULL,
    topic     text        NOT NULL,
    error     text        NOT NULL,
    since     timestamptz NOT NULL DEFAULT now(),
    attempts  bigint      NOT NULL DEFAULT 1
);
-- Rows of figures' statements, counted beforehand at one position; the next ones replace them all.
CREATE TABLE answer (
    key  bytea PRIMARY KEY CHECK (length(key) = 32),  -- SHA-256 of statement and parameters
    rows jsonb NOT NULL
);
"""


def fingerprint() -> str:
    """SHA-256 over all definitions and the editions of the functions that make rows, in hex."""
    parts = [_ADMINISTRATION, *(part for t in TABLES for part in (t.ddl, t.keys, t.extras))]
    parts += [f"{kind.name}@{model.edition}" for kind, model in MODELS.items()]
    return sha256("\x00".join(parts).encode()).hexdigest()


def lock(conn: Connection[Any], what: str) -> None:
    """Wait for an advisory lock until the transaction ends: `advance:<schema>`."""
    conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext(%s))", (_LOCK_CLASS, what))


def try_session_lock(conn: Connection[Any], what: str) -> bool:
    """Take an advisory lock until the connection ends, if nobody has it."""
    row = conn.execute(
        "SELECT pg_try_advisory_lock(%s, hashtext(%s)) AS taken", (_LOCK_CLASS, what)
    ).fetchone()
    assert row is not None
    return bool(row[0])


def unlock_session(conn: Connection[Any], what: str) -> None:
    """Give a session's lock back now: a connection that is closed keeps it some moments longer."""
    conn.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (_LOCK_CLASS, what))


def is_locked(conn: Connection[Any], what: str) -> bool:
    """Whether anybody holds a session's lock in this database."""
    row = conn.execute(
        "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        " AND classid = %s::bigint::oid AND objid = (hashtext(%s)::bigint & 4294967295)::oid)",
        (_LOCK_CLASS, what),
    ).fetchone()
    return row is not None and bool(row[0])


def exists(conn: Connection[Any], schema: str) -> bool:
    """Whether a schema was made completely: its tables and its fingerprint commit together."""
    row = conn.execute("SELECT to_regclass(%s)", (f"{schema}.meta",)).fetchone()
    assert row is not None
    return row[0] is not None


def make(conn: Connection[Any], schema: str, *, bare: bool = False) -> None:
    """Make the schema with its tables. `bare` leaves keys, indexes and constraints for later."""
    name = sql.Identifier(schema)
    conn.execute(sql.SQL("CREATE SCHEMA {}").format(name))
    _inside(conn, schema)
    conn.execute(_ADMINISTRATION)
    for table in TABLES:
        conn.execute(table.ddl)
        # A vacuum in the midst of the filling would make whoever adds an index wait for it.
        unvacuumed = f"ALTER TABLE {table.name} SET (autovacuum_enabled = off)"
        conn.execute(unvacuumed if bare else table.keys + table.extras)
    conn.execute("INSERT INTO meta (fingerprint) VALUES (%s)", (fingerprint(),))
    conn.execute("INSERT INTO tracking VALUES (%s, 0)", (APPLICATION,))
    conn.execute(sql.SQL("GRANT USAGE ON SCHEMA {0} TO {1}").format(name, sql.Identifier(READER)))
    conn.execute(
        sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA {0} TO {1}").format(
            name, sql.Identifier(READER)
        )
    )


def add_keys(conn: Connection[Any], schema: str, table: Table) -> None:
    """What finds a row by its key, once the rows are in."""
    _index(conn, schema, table.keys)


def add_extras(conn: Connection[Any], schema: str, table: Table) -> None:
    """Indexes, exclusion constraints and statistics, once the rows are in."""
    vacuumed = f"ALTER TABLE {table.name} RESET (autovacuum_enabled);"
    _index(conn, schema, f"{table.extras} {vacuumed} ANALYZE {table.name};")


def _index(conn: Connection[Any], schema: str, statements: str) -> None:
    _inside(conn, schema)
    # Tables are indexed beside each other: another worker for each would sort no sooner, and take
    # twice the processor.
    conn.execute("SET LOCAL max_parallel_maintenance_workers = 0")
    conn.execute("SET LOCAL maintenance_work_mem = '128MB'")
    conn.execute(statements)


def reached(conn: Connection[Any], schema: str, position: int) -> None:
    """Note how far a schema was filled that nobody else writes."""
    conn.execute(
        sql.SQL("UPDATE {}.tracking SET notification_id = %s").format(sql.Identifier(schema)),
        (position,),
    )


def note_filled(conn: Connection[Any], schema: str, facts: int) -> None:
    """Note how many facts are in a schema that is being filled: `progress.rebuilding` reads it."""
    conn.execute(
        sql.SQL(
            "INSERT INTO {}.tracking VALUES (%s, %s) ON CONFLICT (application_name)"
            " DO UPDATE SET notification_id = excluded.notification_id"
        ).format(sql.Identifier(schema)),
        (FILLED, facts),
    )


def drop(conn: Connection[Any], schema: str) -> None:
    """Drop a schema of ours with everything in it, if it is there."""
    conn.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def swap(conn: Connection[Any]) -> None:
    """The next schema becomes the live one, the live one the previous. Readers notice nothing.

    Under the runner's lock, in the caller's transaction: names change, no row is touched.
    """
    drop(conn, PREVIOUS)
    conn.execute(
        sql.SQL("DELETE FROM {}.tracking WHERE application_name = %s").format(sql.Identifier(NEXT)),
        (FILLED,),
    )
    for before, after in ((LIVE, PREVIOUS), (NEXT, LIVE)):
        conn.execute(
            sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(
                sql.Identifier(before), sql.Identifier(after)
            )
        )


def _inside(conn: Connection[Any], schema: str) -> None:
    """Unqualified names mean this schema until the transaction ends; extensions live in public."""
    conn.execute(sql.SQL("SET LOCAL search_path = {}, public").format(sql.Identifier(schema)))


def ensure(url: str) -> None:
    """Make the live schema where there is none. Several processes may do so at once."""
    with connect(url, PROJECTOR, limits=UNLIMITED) as conn:
        if exists(conn, LIVE):
            return
        lock(conn, "schema")
        if not exists(conn, LIVE):
            make(conn, LIVE)


def made_by(conn: Connection[Any], schema: str) -> str | None:
    """The fingerprint of the code that made a schema; None where there is none."""
    if not exists(conn, schema):
        return None
    row = conn.execute(
        sql.SQL("SELECT fingerprint FROM {}.meta").format(sql.Identifier(schema))
    ).fetchone()
    assert row is not None
    return str(row[0])


def outdated(conn: Connection[Any]) -> bool:
    """Whether the live read models were made by other code than this: they need a rebuild, or,
    where newer code has rebuilt them, this code needs to give way."""
    return made_by(conn, LIVE) not in {None, fingerprint()}


def needs_rebuild(url: str) -> bool:
    """The same, on a connection of its own."""
    with connect(url, PROJECTOR) as conn:
        return outdated(conn)
