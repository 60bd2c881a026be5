"""Facts put into the book past its rules, by the owner: also what the rules would refuse."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import UUID

import psycopg

from ledger.domain.facts import Fact, FactVoided
from ledger.domain.history import Entry
from ledger.domain.streams import mentions, namespace, stream_of
from ledger.store import codec
from ledger.store.arrays import register
from ledger.store.book import create
from ledger.store.line import BEGIN, COMMIT, Line
from ledger.store.tree import LockedHead, Tree

ORIGIN = "test.example/2026"
SOURCE = "//test.example/app"
FIRST_INSTANT = datetime(2026, 1, 1, tzinfo=UTC)


def tamper(url: str, *statements: str) -> None:
    """Change what may not be changed, as somebody with the database's superuser could."""
    with psycopg.connect(url) as conn:
        for table in ("facts", "head", "tile", "tree_head"):
            conn.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER ALL".encode())
        for statement in statements:
            conn.execute(statement)  # type: ignore[arg-type]  # a test's own


class BookWriter:
    """Appends facts; each gets the id `f<position>` and a second of its own."""

    def __init__(
        self, url: str, *, actor: str = "key:00000000-0000-4000-8000-000000000001"
    ) -> None:
        create(url, ORIGIN)
        self.url = url
        self.space = namespace(ORIGIN)
        self.actor = actor
        self.head = 0
        self.versions: dict[UUID, int] = {}
        self.streams: dict[str, tuple[UUID, int]] = {}

    def void(self, position: int) -> FactVoided:
        """The fact that voids the one at a position."""
        return FactVoided(target=f"f{position}", reason="wrong")

    def record(self, *facts: Fact) -> int:
        """Append facts in one transaction; the position of the last one."""
        self.insert(self.entry(fact) for fact in facts)
        return self.head

    def entry(self, fact: Fact) -> Entry:
        """The next entry, not yet inserted."""
        self.head += 1
        if isinstance(fact, FactVoided):
            stream, kind = self.streams[fact.target]
        else:
            number, stream = stream_of(self.space, fact)
            kind = int(number)
        self.versions[stream] = version = self.versions.get(stream, 0) + 1
        self.streams[f"f{self.head}"] = (stream, kind)
        at = (FIRST_INSTANT + timedelta(seconds=self.head)).isoformat(timespec="microseconds")
        return Entry(
            position=self.head,
            version=version,
            stream=stream,
            source=SOURCE,
            id=f"f{self.head}",
            actor=self.actor,
            recorded_at=at.replace("+00:00", "Z"),
            fact=fact,
        )

    def insert(self, entries: Iterable[Entry]) -> None:
        """Write entries with their guard rows and the head, as the service would."""
        with psycopg.connect(self.url) as conn:
            register(conn)
            curs = conn.cursor()
            for entry in entries:
                self.insert_state(curs, entry, codec.leaf(entry, codec.canonical(entry.fact)))
                self._mention(curs, entry)
        self._grow_tree()

    def _grow_tree(self) -> None:
        """Let the tree catch up with the facts."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            row = conn.execute("SELECT position, recorded_at, tree_size, frontier FROM ledger.head")
            head = LockedHead._make(row.fetchone() or ())
            line = Line(conn)
            line.send(BEGIN)
            Tree().begin(line, head, [])
            line.send(COMMIT)
            line.answers()

    def _mention(self, curs: psycopg.Cursor, entry: Entry) -> None:
        kind, stream = self.streams[entry.id][1], entry.stream
        for entity in mentions(self.space, entry.fact):
            curs.execute(
                "INSERT INTO ledger.mention SELECT %(entity)s, %(kind)s, ARRAY[%(stream)s::uuid]"
                " WHERE NOT EXISTS (SELECT 1 FROM ledger.mention"
                " WHERE entity = %(entity)s AND %(stream)s = ANY(streams))",
                {"entity": entity, "kind": kind, "stream": stream},
            )

    def insert_state(self, curs: psycopg.Cursor, entry: Entry, state: bytes) -> None:
        """Write one row of ledger.facts with any leaf, and move the head."""
        curs.execute(
            "INSERT INTO ledger.facts VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            (
                entry.position,
                entry.stream,
                entry.version,
                codec.read_leaf(state).type,
                state,
                sha256(b"\x00" + state).digest(),
                codec.event_key(entry.source, entry.id),
                entry.recorded_at,
            ),
        )
        curs.execute(
            "UPDATE ledger.head SET position = %s, recorded_at = %s",
            (entry.position, entry.recorded_at),
        )
