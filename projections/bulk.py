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

from psycopg import Connection, Cursor, sql

from ledger.domain.facts import FACTS, AttendanceRecorded, FactVoided
from ledger.domain.history import Entry
from ledger.domain.streams import STREAMS, Kind
from ledger.store.codec import UPCASTS
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
from projections.models.trail import TrailRow, scope
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

_PARENT: Final = {"parent": "uuid", "scope": "text", "known_from": "bigint", "known_to": "bigint"}
_CHILD: Final = {
    "position": "bigint",
    "topic": "text",
    "stream": "uuid",
    "kind": "smallint",
    "actor": "text",
    "parent": "uuid",
}


def _table(name: str, columns: Mapping[str, str]) -> str:
    """SQL for a table that lives while the schema is filled."""
    return f"CREATE TABLE {{schema}}.{name} ({', '.join(map(' '.join, columns.items()))});"


# Whose activities and projects were at [known_from, known_to), and the facts below them, whose
# place in the trail depends on it.
_WAITING: Final = _table("parent", _PARENT) + _table("child", _CHILD)


# A leaf is canonical JSON: the bytes `"person_ref":"` stand once in it, outside of every string
# (inside, a quote is escaped), and 36 characters of id follow.
def _id(name: str) -> str:
    """SQL for an id in the data of a leaf."""
    start = len(name) + 4
    return (
        f'encode(substring(state, position(\'"{name}":"\'::bytea IN state) + {start}, 36),'
        " 'escape')::uuid"
    )


_ATTENDANCES: Final = f"""
INSERT INTO {{schema}}.attendance
SELECT {_id("activity_id")}, {_id("person_ref")},
       CASE WHEN position('"organisation_id":"'::bytea IN state) > 0
            THEN {_id("organisation_id")} END,
       false, true, notification_id, {OPEN}
FROM ledger.facts AS fact WHERE notification_id <= %(upto)s AND {_SINGLE}
"""  # noqa: S608 - constants


def _trail(children: str) -> str:
    """SQL for the trail of facts that concern the clusters of their parent."""
    return f"""
INSERT INTO {{schema}}.trail
SELECT position, topic, stream, kind, actor, coalesce(scope, '')
FROM ({children}) AS child LEFT JOIN {{schema}}.parent
    ON parent.parent = child.parent AND known_from <= position AND position < known_to
"""  # noqa: S608 - constants


_SINGLE_TRAIL: Final = _trail(f"""
    SELECT notification_id AS position, topic, originator_id AS stream,
           {Kind.attendance:d}::smallint AS kind,
           convert_from(substring(state, 11, position('"'::bytea IN substring(state, 11)) - 1),
                        'UTF8') AS actor,
           {_id("activity_id")} AS parent
    FROM ledger.facts AS fact WHERE notification_id <= %(upto)s AND {_SINGLE}
""")  # noqa: S608 - constants
_FOLDED_TRAIL: Final = _trail("SELECT * FROM {schema}.child")

_FINISH: Final = """
INSERT INTO {schema}.trail_scope SELECT DISTINCT scope FROM {schema}.trail ON CONFLICT DO NOTHING;
DROP TABLE {schema}.parent, {schema}.child;
"""

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
            place = (entry.position, entry.fact.topic, entry.stream, int(stream.kind), entry.actor)
            if concerned is None:
                self.children.append((*place, stream.key[0]))
            else:
                self.changes.note(TrailRow(*place, concerned))
            if stream.kind in PARENTS:
                owned.append((entry.position, scope(clusters_of(stream.kind, stream.state))))
            self.facts += 1
        if stream is not None:
            stream.settle(self.changes)
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
            self.parents.append((stream.key[0], clusters, position, end))


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

    def run(self) -> None:
        """Every fact up to the position. Raises Unfoldable."""
        with quiet(), self._connection() as conn, ThreadPoolExecutor(1) as beside:
            self._execute(conn, _WAITING)
            conn.commit()
            singles = beside.submit(self._beside, _ATTENDANCES)
            trail: Future[int] | None = None
            for _, part in self._others():
                self._write(conn, part)
                # The first part are the parents, which is all that these need.
                trail = trail or beside.submit(self._beside, _SINGLE_TRAIL)
            trail = trail or beside.submit(self._beside, _SINGLE_TRAIL)
            self._tell(singles.result())
            trail.result()
            self._execute(conn, _FOLDED_TRAIL)
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
                self._tell(folded.facts)
            if written is not None:
                written.result()
        conn.commit()

    def _beside(self, statement: str) -> int:
        """One statement on a connection of its own; how many rows it made."""
        with self._connection() as conn:
            return conn.execute(_format(statement, self._schema), self._parameters).rowcount

    def _refuse_gaps(self, conn: Connection[Any]) -> None:
        facts = self._number(conn, _FACTS)
        if missing := self._upto - facts:
            first = self._number(conn, _FIRST_GAP)
            raise Unfoldable(first, "", f"{missing} facts are missing from here on")

    def _number(self, conn: Connection[Any], statement: str) -> int:
        row = conn.execute(_format(statement, self._schema)).fetchone()
        assert row is not None
        return int(row[0])

    def _tell(self, facts: int) -> None:
        self._done += facts
        if self._progress is not None:
            self._progress(self._done, self._upto)

    def _execute(self, conn: Connection[Any], statement: str) -> None:
        conn.execute(_format(statement, self._schema))

    @contextmanager
    def _connection(self) -> Iterator[Connection[Any]]:
        """One transaction. Nobody reads these tables yet; a crash costs the rebuild, which starts
        anew."""
        with connect(self._url, PROJECTOR, limits=UNLIMITED) as conn:
            conn.execute("SET synchronous_commit = off; SET work_mem = '64MB'; SET jit = off")
            yield conn


def _format(statement: str, schema: str) -> sql.Composed:
    return sql.SQL(statement).format(schema=sql.Identifier(schema))


def fill(url: str, schema: str, upto: int, progress: Progress | None = None) -> None:
    """Take an empty, bare schema that nobody reads to a position.

    Raises Unfoldable, and then leaves a schema of no use.
    """
    _Filling(url, schema, upto, progress).run()
