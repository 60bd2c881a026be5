"""Rebuilding in bulk: the most frequent fact set-based in PostgreSQL, all others folded as ever.

Nine facts of ten are a first `attendance.recorded.v1` of their stream; each opens exactly one row.
Sending them to Python and back would take most of a rebuild. `rebuild` and `check` compare the
result with rows that were folded one by one.
"""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from psycopg import Cursor, sql

from ledger.domain.facts import AttendanceRecorded
from ledger.domain.streams import Kind
from ledger.store.codec import UPCASTS
from projections.batches import quiet
from projections.folding import Changes, Unfoldable
from projections.models.base import OPEN
from projections.runner import Projector

BATCH_FACTS: Final = 40_000
"""Facts in one transaction of a rebuild."""
BEHIND_MAX: Final = 3
"""Batches that wait to be written: what bounds the memory."""

Progress = Callable[[int, int], None]
"""Told (position, head) after each batch."""

_TOPICS: Final = sorted({AttendanceRecorded.topic} - UPCASTS.keys())
"""An upcast topic is read by Python alone."""

_REST: Final = """
SELECT state FROM ledger.facts
WHERE notification_id > %(after)s AND notification_id <= %(upto)s
  AND NOT (topic = ANY (%(topics)s) AND originator_version = 1)
ORDER BY notification_id
"""


# A leaf is canonical JSON: the bytes `"person_ref":"` stand once in it, outside of every string
# (inside, a quote is escaped), and 36 characters of id follow.
def _id(name: str) -> str:
    """SQL for an id in the data of a leaf."""
    start = len(name) + 4
    return (
        f'encode(substring(state, position(\'"{name}":"\'::bytea IN state) + {start}, 36),'
        " 'escape')::uuid"
    )


_FIRST: Final = """
FROM ledger.facts
WHERE notification_id > %(after)s AND notification_id <= %(upto)s
  AND topic = ANY (%(topics)s) AND originator_version = 1
"""

_ATTENDANCES: Final = f"""
INSERT INTO {{attendance}}
SELECT {_id("activity_id")}, {_id("person_ref")},
       CASE WHEN position('"organisation_id":"'::bytea IN state) > 0
            THEN {_id("organisation_id")} END,
       false, true, notification_id, {OPEN}
{_FIRST}
"""

# Who organised an activity as known at the fact's position: its row that holds there.
_TRAIL: Final = f"""
WITH first AS MATERIALIZED (
    SELECT notification_id, topic, originator_id, {_id("activity_id")} AS activity_id,
           convert_from(substring(state, 11, position('"'::bytea IN substring(state, 11)) - 1),
                        'UTF8') AS actor
    {_FIRST}
), organised AS MATERIALIZED (
    SELECT activity_id, known_from, known_to,
           (SELECT string_agg(DISTINCT code, ',' ORDER BY code) FROM unnest(organisers) AS code)
               AS scope
    FROM {{activity}} WHERE activity_id IN (SELECT activity_id FROM first)
)
INSERT INTO {{trail}}
SELECT notification_id, topic, originator_id, {Kind.attendance:d}, actor, coalesce(scope, '')
FROM first LEFT JOIN organised
    ON first.activity_id = organised.activity_id
    AND known_from <= notification_id AND notification_id < known_to
"""  # noqa: S608 - constants

_TRAIL_SCOPES: Final = """
INSERT INTO {trail_scope} SELECT DISTINCT scope FROM {trail} ON CONFLICT DO NOTHING
"""


class Filling:
    """A schema being filled: read ahead, folded, written behind, the trail behind that."""

    def __init__(self, projector: Projector) -> None:
        self._projector = projector
        names = ("attendance", "activity", "trail", "trail_scope")
        tables = {name: sql.Identifier(projector.schema, name) for name in names}
        self._attendances = sql.SQL(_ATTENDANCES).format(**tables)
        self._trail = sql.SQL(_TRAIL).format(**tables)
        self._trail_scopes = sql.SQL(_TRAIL_SCOPES).format(**tables)

    def run(self, upto: int, progress: Progress | None = None) -> None:
        """Every fact up to a position. Raises Unfoldable, and leaves a schema of no use."""
        after = self._projector.position()
        pool = ThreadPoolExecutor
        with quiet(), pool(1) as reading, pool(1) as writing, pool(1) as trailing:
            ahead = reading.submit(self._read, after, min(after + BATCH_FACTS, upto))
            behind: deque[Future[None]] = deque()
            while after < upto:
                states, last = ahead.result(), min(after + BATCH_FACTS, upto)
                ahead = reading.submit(self._read, last, min(last + BATCH_FACTS, upto))
                changes = self._projector.source.fold_rest(after, last, states)
                written = writing.submit(self._write, changes, len(states))
                behind.append(trailing.submit(self._index, written, after, last))
                if len(behind) > BEHIND_MAX:
                    behind.popleft().result()
                after = last
                if progress is not None:
                    progress(after, upto)
            for earlier in behind:
                earlier.result()
        with self._projector.recorder.datastore.transaction(commit=True) as curs:
            curs.execute(self._trail_scopes)

    def _read(self, after: int, upto: int) -> list[bytes]:
        with self._projector.book.cursor() as curs:
            curs.execute(_REST, _range(after, upto), binary=True)
            return [state for (state,) in curs]

    def _write(self, changes: Changes, folded: int) -> None:
        """Rows of first attendances before all else: a later fact may close them in this batch."""

        def before(curs: Cursor[Any]) -> None:
            curs.execute(self._attendances, _range(changes.after, changes.upto))
            missing = changes.upto - changes.after - folded - curs.rowcount
            if missing:
                raise Unfoldable(changes.after + 1, "", f"{missing} facts are missing from here on")

        self._projector.apply(changes, before)

    def _index(self, written: Future[None], after: int, upto: int) -> None:
        """On a connection of its own, once the activities are in. Nobody reads this schema yet."""
        written.result()
        with self._projector.recorder.datastore.transaction(commit=True) as curs:
            curs.execute("SET LOCAL synchronous_commit = off")
            curs.execute(self._trail, _range(after, upto))


def _range(after: int, upto: int) -> dict[str, Any]:
    return {"after": after, "upto": upto, "topics": _TOPICS}


def fill(projector: Projector, upto: int, progress: Progress | None = None) -> None:
    """Take a schema that nobody reads to a position."""
    Filling(projector).run(upto, progress)
