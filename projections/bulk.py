"""Filling empty read models in bulk: stream by stream, the most frequent stream set-based.

A stream that is read from its first fact to its last gives rows that are final: none is written to
be closed later, and none of its facts is read twice. Three streams of four, with three facts of
four, are a single `attendance.recorded.v1`; each is one row, and PostgreSQL makes it without
sending the fact to Python. `rebuild`, `check` and the tests compare the result with rows that were
folded fact by fact as they came.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any, Final

import psycopg
from psycopg import Connection, Cursor, sql

from ledger.domain.facts import FACTS, AttendanceRecorded, FactVoided
from ledger.domain.history import Entry
from ledger.domain.streams import STREAMS, Kind
from ledger.store.codec import UPCASTS, sql_of
from ledger.store.database import PROJECTOR, UNLIMITED, connect
from projections import schema as schemas
from projections.batches import entry_of, quiet
from projections.folding import (
    PARENTS,
    UNFOLDABLE,
    Changes,
    Stream,
    Unfoldable,
    absorb,
    clusters_of,
    unfoldable,
)
from projections.models.base import OPEN, Row
from projections.models.trail import USUAL, name_id, scope
from projections.writing import Writer

BATCH_FACTS: Final = 10_000
"""Facts folded between two writes, what bounds the memory; a stream is never divided."""
FETCHED_FACTS: Final = 5_000

Progress = Callable[[int, int], None]
"""Told (facts done, facts in all) after each batch."""

_PARAMETERS: Final = {
    # An upcast topic is read by Python alone.
    "single": sorted({AttendanceRecorded.topic} - UPCASTS.keys()),
    "void": FactVoided.topic,
    # The first word of a topic tells the kind in every version.
    "parents": sorted(
        {
            topic.partition(".")[0]
            for topic, fact in FACTS.items()
            if fact in STREAMS and STREAMS[fact][0] in PARENTS
        }
    ),
}

# Positions bound both facts: all statements see the same streams, whatever is recorded meanwhile.
_SINGLE: Final = """
    fact.topic = ANY (%(single)s) AND fact.originator_version = 1 AND NOT EXISTS (
        SELECT FROM ledger.facts AS second WHERE second.originator_id = fact.originator_id
        AND second.originator_version = 2 AND second.notification_id <= %(upto)s)
"""

# Activities and projects first: the trail of the others asks for their clusters. A void alone does
# not say of what kind its stream is.
_OTHERS: Final = f"""
SELECT fact.state, coalesce(split_part(CASE WHEN fact.topic <> %(void)s THEN fact.topic ELSE (
        SELECT first.topic FROM ledger.facts AS first
        WHERE first.originator_id = fact.originator_id AND first.originator_version = 1)
    END, '.', 1) = ANY (%(parents)s), false) AS is_parent
FROM ledger.facts AS fact
WHERE fact.notification_id <= %(upto)s AND NOT ({_SINGLE})
ORDER BY is_parent DESC, fact.originator_id, fact.originator_version
"""  # noqa: S608 - constants

_PARENT: Final = {"parent": "uuid", "scope": "bigint", "known_from": "bigint", "known_to": "bigint"}
_CHILD: Final = {
    "position": "bigint",
    "topic": "bigint",
    "actor": "bigint",
    "kind": "smallint",
    "parent": "uuid",
}
_SINGLE_COLUMNS: Final = {
    "position": "bigint NOT NULL",
    "activity_id": "uuid NOT NULL",
    "person_ref": "uuid NOT NULL",
    "organisation_id": "uuid",
    "actor": "text NOT NULL",
}


def _table(name: str, columns: Mapping[str, str]) -> str:
    """SQL for a table that lives while the schema is filled."""
    fields = ", ".join(map(" ".join, columns.items()))
    return f"CREATE UNLOGGED TABLE {{schema}}.{name} ({fields});"


# Whose activities and projects were at [known_from, known_to), the facts below them, whose place in
# the trail depends on it, and those attendances that are a single fact.
_WAITING: Final = (
    _table("parent", _PARENT) + _table("child", _CHILD) + _table("single", _SINGLE_COLUMNS)
)


def _id(name: str) -> str:
    return f"{sql_of(name, 36)}::uuid"


_SINGLES: Final = f"""
INSERT INTO {{schema}}.single
SELECT notification_id, {_id("activity_id")}, {_id("person_ref")},
       {_id("organisation_id")},
       CASE WHEN position('{{{{"actor":"'::bytea IN state) = 1 THEN convert_from(
           substring(state, 11, position('"'::bytea IN substring(state, 11)) - 1), 'UTF8') END
FROM ledger.facts AS fact WHERE notification_id <= %(upto)s AND {_SINGLE}
"""  # noqa: S608 - constants

_ATTENDANCES: Final = f"""
INSERT INTO {{schema}}.attendance
SELECT activity_id, person_ref, organisation_id, false, true, position, {OPEN}
FROM {{schema}}.single
"""  # noqa: S608 - constants

_ACTORS: Final = "SELECT DISTINCT actor FROM {schema}.single"


def _trail(children: str) -> str:
    """SQL for the trail of facts that concern the clusters of their parent."""
    return f"""
INSERT INTO {{schema}}.trail
SELECT position, topic, actor, coalesce(scope, {name_id("")}), kind
FROM ({children}) AS child LEFT JOIN {{schema}}.parent
    ON parent.parent = child.parent AND known_from <= position AND position < known_to
"""  # noqa: S608 - constants


_SINGLE_TRAIL: Final = _trail(f"""
    SELECT position, {USUAL} AS topic, named.id AS actor, activity_id AS parent,
           {Kind.attendance:d}::smallint AS kind
    FROM {{schema}}.single
    JOIN unnest(%(ids)s::bigint[], %(names)s::text[]) AS named (id, name) ON name = single.actor
""")  # noqa: S608 - constants
_FOLDED_TRAIL: Final = _trail("SELECT * FROM {schema}.child")

# What an activity's own facts concern is not always what they concern that come after.
_USED: Final = """
SELECT name FROM unnest(%(ids)s::bigint[], %(names)s::text[]) AS named (id, name)
WHERE id IN (SELECT scope FROM {schema}.trail)
"""
_FINISH: Final = "DROP TABLE {schema}.parent, {schema}.child, {schema}.single"

_FACTS: Final = "SELECT count(*) FROM {schema}.trail"
_FIRST_GAP: Final = """
SELECT coalesce(max(position) FILTER (WHERE position = turn), 0) + 1 FROM (
    SELECT position, row_number() OVER (ORDER BY position) AS turn FROM {schema}.trail) AS numbered
"""


class _Folded:
    """Some whole streams: the rows they amount to, and what waits for the trail."""

    def __init__(self) -> None:
        self.facts = 0
        self.changes = Changes(0)
        self.parents: list[Row] = []
        self.children: list[Row] = []
        self.scopes: set[str] = set()
        """Of parents: what concerns their children, if they have any."""

    def take(self, entries: Iterable[Entry]) -> None:
        """Fold one stream, from its first fact to its last. Raises Unfoldable."""
        stream: Stream | None = None
        owned: list[tuple[int, str]] = []
        for entry in entries:
            try:
                stream = stream or Stream((), entry)
                concerned = absorb(stream, entry, self.changes)
            except UNFOLDABLE as error:
                raise unfoldable(entry.position, entry.fact.topic, error) from error
            if concerned is None:
                names = entry.fact.topic, entry.actor
                self.changes.names.update(names)
                place = (entry.position, *map(name_id, names), stream.kind, stream.key[0])
                self.children.append(place)
            else:
                self.changes.note(entry, stream.kind, concerned)
            if stream.kind in PARENTS:
                owned.append((entry.position, scope(clusters_of(stream.kind, stream.state))))
            self.facts += 1
        if stream is not None:
            stream.settle(self.changes)
            if owned:
                self._own(stream, owned)

    def write(self, writer: Writer, curs: Cursor[Any]) -> None:
        """Into the tables of the schema that the writer is for."""
        writer.write(curs, self.changes)
        writer.copy(curs, "parent", _PARENT, self.parents)
        writer.copy(curs, "child", _CHILD, self.children)

    def _own(self, stream: Stream, owned: list[tuple[int, str]]) -> None:
        """Whose an activity or project is, from which position to which."""
        turns = [next(same) for _, same in groupby(owned, key=itemgetter(1))]
        ends = [position for position, _ in turns[1:]] + [OPEN]
        for (position, clusters), end in zip(turns, ends, strict=False):
            self.scopes.add(clusters)
            self.parents.append((stream.key[0], name_id(clusters), position, end))


def _folded(entries: Iterator[Entry]) -> Iterator[_Folded]:
    """Streams that come one after the other, some BATCH_FACTS facts at once."""
    folded = _Folded()
    for _, stream in groupby(entries, key=attrgetter("stream")):
        folded.take(stream)
        if folded.facts >= BATCH_FACTS:
            yield folded
            folded = _Folded()
    yield folded


class _Filling:
    """An empty schema being filled: one connection reads, one writes, one works beside them."""

    def __init__(self, url: str, schema: str, upto: int, progress: Progress | None) -> None:
        self._url = url
        self._schema = schema
        self._parameters = {**_PARAMETERS, "upto": upto}
        self._upto = upto
        self._progress = progress
        self._done = 0
        self._scopes: set[str] = set()
        self._names: set[str] = set()

    def run(self) -> None:
        """Every fact up to the position. Raises Unfoldable."""
        with quiet(), self._connection() as conn, ThreadPoolExecutor(1) as beside:
            self._execute(conn, _WAITING)
            conn.commit()
            singles = beside.submit(self._singles)
            trail: Future[None] | None = None
            for _, part in self._others():
                self._write(conn, part)
                # The first part are the parents, which is all that these need.
                trail = trail or beside.submit(self._single_trail)
            trail = trail or beside.submit(self._single_trail)
            self._tell(singles.result())
            trail.result()
            self._execute(conn, _FOLDED_TRAIL)
            self._name(conn)
            self._execute(conn, _FINISH)
            self._refuse_gaps(conn)
            schemas.reached(conn, self._schema, self._upto)

    def _others(self) -> Iterator[tuple[bool, Iterator[Entry]]]:
        """All facts that Python folds, stream by stream: those of parents, then the others."""
        with self._connection() as conn, conn.cursor("others", binary=True) as rows:
            rows.itersize = FETCHED_FACTS
            rows.execute(_OTHERS, self._parameters)
            for is_parent, part in groupby(rows, key=itemgetter(1)):
                yield is_parent, (entry_of(0, "", state) for state, _ in part)

    def _write(self, conn: Connection[Any], entries: Iterator[Entry]) -> None:
        """Fold and write them; the next are folded while these are written."""
        with conn.cursor() as curs, ThreadPoolExecutor(1) as writing:
            writer = Writer(curs, self._schema)
            written: Future[None] | None = None
            for folded in _folded(entries):
                if written is not None:
                    written.result()
                written = writing.submit(folded.write, writer, curs)
                self._scopes |= folded.scopes
                self._tell(folded.facts)
            if written is not None:
                written.result()
        conn.commit()

    def _singles(self) -> int:
        """The attendances that are a single fact; how many."""
        with self._connection() as conn:
            try:
                with conn.transaction():
                    count = self._execute(conn, _SINGLES, self._parameters).rowcount
            except (psycopg.DataError, psycopg.IntegrityError) as error:
                raise self._culprit(conn, error) from error
            self._execute(conn, _ATTENDANCES)
        return count

    def _culprit(self, conn: Connection[Any], error: psycopg.Error) -> Unfoldable:
        """The first leaf that PostgreSQL cannot make a row of: it stands where filling up to it
        fails, and filling up to the one before does not."""
        good, bad = 0, self._upto
        while bad - good > 1:
            middle = (good + bad) // 2
            try:
                with conn.transaction(force_rollback=True):
                    self._execute(conn, _SINGLES, {**self._parameters, "upto": middle})
                good = middle
            except (psycopg.DataError, psycopg.IntegrityError) as earlier:
                bad, error = middle, earlier
        return unfoldable(bad, AttendanceRecorded.topic, error)

    def _single_trail(self) -> None:
        """Their trail."""
        with self._connection() as conn:
            actors = {actor for (actor,) in self._execute(conn, _ACTORS)}
            self._names |= actors | ({AttendanceRecorded.topic} if actors else set())
            self._execute(conn, _SINGLE_TRAIL, _named(actors))

    def _name(self, conn: Connection[Any]) -> None:
        """The texts of the ids in the trail."""
        scopes = {name for (name,) in self._execute(conn, _USED, _named({"", *self._scopes}))}
        with conn.cursor() as curs:
            Writer(curs, self._schema).name(curs, self._names | scopes)

    def _refuse_gaps(self, conn: Connection[Any]) -> None:
        facts = self._number(conn, _FACTS)
        if missing := self._upto - facts:
            first = self._number(conn, _FIRST_GAP)
            raise Unfoldable(first, "", f"{missing} facts are missing from here on")

    def _number(self, conn: Connection[Any], statement: str) -> int:
        row = self._execute(conn, statement).fetchone()
        assert row is not None
        return int(row[0])

    def _tell(self, facts: int) -> None:
        self._done += facts
        if self._progress is not None:
            self._progress(self._done, self._upto)

    def _execute(
        self, conn: Connection[Any], statement: str, parameters: Mapping[str, Any] | None = None
    ) -> Cursor[Any]:
        formatted = sql.SQL(statement).format(schema=sql.Identifier(self._schema))
        return conn.execute(formatted, parameters)

    @contextmanager
    def _connection(self) -> Iterator[Connection[Any]]:
        """One transaction. Nobody reads these tables yet; a crash costs the rebuild, which starts
        anew."""
        with connect(self._url, PROJECTOR, limits=UNLIMITED) as conn:
            conn.execute("SET synchronous_commit = off; SET work_mem = '64MB'; SET jit = off")
            yield conn


def _named(names: Iterable[str]) -> dict[str, list[Any]]:
    """Names and their ids as parameters."""
    ordered = sorted(names)
    return {"ids": list(map(name_id, ordered)), "names": ordered}


def fill(url: str, schema: str, upto: int, progress: Progress | None = None) -> None:
    """Take an empty, bare schema that nobody reads to a position.

    Raises Unfoldable, and then leaves a schema of no use.
    """
    _Filling(url, schema, upto, progress).run()
