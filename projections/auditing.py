"""The book against itself: every stored fact read again, and the guard tables against a replay."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from uuid import UUID

from psycopg import Connection, sql

from ledger.domain.facts import PersonErased
from ledger.domain.history import Entry
from ledger.domain.streams import STREAMS, mentions, stream_of
from ledger.store.codec import decode_leaf, event_key, read_leaf
from ledger.transparency.merkle import leaf_hash
from projections.bulk import Progress
from projections.folding import UNFOLDABLE
from projections.trees import Finding, TreeAudit

PAGE_FACTS: Final = 5_000

_PAGE: Final = """
SELECT notification_id, originator_id, originator_version, topic, state, leaf_hash, event_key,
       recorded_at
FROM ledger.facts WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id
"""

_REPLAYED: Final = """
CREATE TEMPORARY TABLE replayed_mention (entity uuid, stream uuid) ON COMMIT DROP;
CREATE TEMPORARY TABLE replayed_erased (person_ref uuid) ON COMMIT DROP;
"""

# A stream's kind is stored with each mention; which streams name an entity is what is replayed.
_MENTIONS_DIFFER: Final = """
WITH stored AS NOT MATERIALIZED (
    SELECT entity, stream FROM ledger.mention, unnest(streams) AS stream
)
SELECT what, entity, stream FROM (
    (SELECT 'is missing' AS what, entity, stream FROM replayed_mention
     EXCEPT SELECT 'is missing', entity, stream FROM stored)
    UNION ALL
    (SELECT 'is not of any fact', entity, stream FROM stored
     EXCEPT ALL SELECT DISTINCT 'is not of any fact', entity, stream FROM replayed_mention)
) AS differing ORDER BY entity, stream LIMIT 1
"""
_ERASED_DIFFER: Final = """
SELECT coalesce(e.person_ref, r.person_ref), e.person_ref IS NULL
FROM ledger.erased AS e FULL JOIN (SELECT DISTINCT person_ref FROM replayed_erased) AS r
    ON e.person_ref = r.person_ref
WHERE e.person_ref IS NULL OR r.person_ref IS NULL ORDER BY 1 LIMIT 1
"""
_VERSIONS_DIFFER: Final = """
SELECT originator_id FROM ledger.facts WHERE notification_id <= %s GROUP BY originator_id
HAVING count(*) <> max(originator_version) OR min(originator_version) <> 1 ORDER BY 1 LIMIT 1
"""
_SEATS_DIFFER: Final = """
SELECT activity_id, s.taken, r.taken FROM ledger.seats AS s FULL JOIN (
    SELECT activity_id, count(*) AS taken FROM {attendance}
    WHERE registered AND known_to = 9223372036854775807 GROUP BY activity_id
) AS r USING (activity_id)
WHERE coalesce(s.taken, 0) <> coalesce(r.taken, 0) ORDER BY activity_id LIMIT 1
"""


class Stored(NamedTuple):
    """One row of ledger.facts."""

    position: int
    stream: UUID
    version: int
    topic: str
    state: bytes
    leaf_hash: bytes
    event_key: UUID
    recorded_at: datetime


def fact_findings(space: UUID, stored: Stored) -> tuple[Entry | None, list[str]]:
    """What is wrong with one stored fact in itself, and the fact if it can be read."""
    found = []
    if leaf_hash(stored.state) != stored.leaf_hash:
        found.append("leaf_hash is not SHA-256(0x00 || leaf)")
    try:
        entry = decode_leaf(stored.state)
    except UNFOLDABLE as error:
        return None, [*found, f"the leaf cannot be read: {error}"]
    pairs = {
        "position": (entry.position, stored.position),
        "stream": (entry.stream, stored.stream),
        "version": (entry.version, stored.version),
        "topic": (read_leaf(stored.state).type, stored.topic),
        "recorded_at": (datetime.fromisoformat(entry.recorded_at), stored.recorded_at),
        "event_key": (event_key(entry.source, entry.id), stored.event_key),
    }
    found += [
        f"{name} is {column} in the table and {leaf} by the leaf"
        for name, (leaf, column) in pairs.items()
        if leaf != column
    ]
    if type(entry.fact) in STREAMS and stream_of(space, entry.fact)[1] != stored.stream:
        found.append("the fact stands in a stream that is not its own")
    return entry, found


def _stored(conn: Connection[Any], upto: int, progress: Progress | None) -> Iterator[Stored]:
    after = 0
    while after < upto:
        last = min(after + PAGE_FACTS, upto)
        rows = conn.execute(_PAGE, (after, last), binary=True).fetchall()
        yield from map(Stored._make, rows)
        after = last
        if progress is not None:
            progress(after, upto)


class Audit:
    """One reading of the book up to a position, on a connection with a snapshot."""

    def __init__(self, conn: Connection[Any], space: UUID, upto: int) -> None:
        self._conn = conn
        self._space = space
        self._upto = upto
        self._latest = datetime.min.replace(tzinfo=UTC)
        self._expected = 1
        self._mentions: list[tuple[UUID, UUID]] = []
        self._tree = TreeAudit(conn)
        self._leaf_hashes: list[bytes] = []

    def facts(self, progress: Progress | None = None) -> Iterator[Finding]:
        """Every fact: its bytes, its place, its time. Memory does not grow with the book."""
        self._conn.execute(_REPLAYED)
        for stored in _stored(self._conn, self._upto, progress):
            yield from self._place(stored)
            entry, wrong = fact_findings(self._space, stored)
            yield from (Finding(f"fact {stored.position}", what) for what in wrong)
            if entry is not None:
                self._replay(entry)
            self._leaf_hashes.append(leaf_hash(stored.state))
            if len(self._leaf_hashes) >= PAGE_FACTS:
                yield from self._flush()
        yield from self._flush()
        yield from self._tree.end()
        if self._expected != self._upto + 1:
            yield Finding(f"fact {self._expected}", "is missing")

    def _place(self, stored: Stored) -> Iterator[Finding]:
        if stored.position != self._expected:
            yield Finding(f"fact {self._expected}", "is missing")
        if stored.recorded_at < self._latest:
            yield Finding(f"fact {stored.position}", "was recorded before the one before it")
        self._expected = stored.position + 1
        self._latest = stored.recorded_at

    def _replay(self, entry: Entry) -> None:
        named = mentions(self._space, entry.fact)
        self._mentions += ((entity, entry.stream) for entity in named)
        if isinstance(entry.fact, PersonErased):
            self._conn.execute("INSERT INTO replayed_erased VALUES (%s)", (entry.fact.person_ref,))

    def _flush(self) -> Iterator[Finding]:
        with (
            self._conn.cursor() as curs,
            curs.copy("COPY replayed_mention FROM STDIN (FORMAT BINARY)") as copy,
        ):
            copy.set_types(["uuid", "uuid"])
            for row in dict.fromkeys(self._mentions):
                copy.write_row(row)
        self._mentions.clear()
        yield from self._tree.take(self._leaf_hashes)
        self._leaf_hashes.clear()

    def guards(self) -> Iterator[Finding]:
        """What is derived in the facts' transaction, against the replay; the first of each kind."""
        if row := self._first(_VERSIONS_DIFFER, self._upto):
            yield Finding(f"stream {row[0]}", "has a gap in its versions")
        if row := self._first(_MENTIONS_DIFFER):
            yield Finding("ledger.mention", f"{row[1]} in stream {row[2]} {row[0]}")
        if row := self._first(_ERASED_DIFFER):
            yield Finding(
                "ledger.erased", f"{row[0]} {'is missing' if row[1] else 'was not erased'}"
            )

    def _first(self, query: str, *parameters: object) -> Any:
        return self._conn.execute(query, parameters).fetchone()


def seat_finding(conn: Connection[Any], schema: str) -> Finding | None:
    """The first activity whose seats are not the standing registrations in a schema."""
    row = conn.execute(
        sql.SQL(_SEATS_DIFFER).format(attendance=sql.Identifier(schema, "attendance"))
    ).fetchone()
    if row is None:
        return None
    return Finding("ledger.seats", f"activity {row[0]} has {row[1]}, by the facts {row[2]}")
