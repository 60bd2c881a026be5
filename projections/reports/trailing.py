"""Tables about the facts themselves: what came late, what was voided, what was recorded long after
its day, and by whom. They are read from the book, so only its own database can make them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from msgspec import Struct
from psycopg import Connection

from ledger.domain.facts import (
    AttendanceRecorded,
    AttendanceRegistered,
    AttendanceVoided,
    FactVoided,
    ProjectEnded,
)
from ledger.domain.history import Entry, standing
from ledger.store.codec import decode_leaf
from projections.figures.behind import histories
from projections.figures.catalogue import Text
from projections.figures.engines import Engine, PostgresEngine
from projections.figures.together import Rows, Together, key_of
from projections.models.trail import name_id
from projections.reports.model import Cell, Column, ColumnKind
from projections.reports.refusals import NeedsTheBook
from projections.views.lateness import ALWAYS, Closing, Day, closings, days, late

BACKDATED_DAYS: Final = 92
"""A fact recorded more than so many days after its own day is called backdated."""
_PAGE_FACTS: Final = 5_000


class Cut(Struct, frozen=True):
    """Which facts: those whose day lies in the period (None: no lower bound), or that act on every
    day, recorded by the position."""

    first_day: date | None
    last_day: date
    known_at: int

    def holds(self, day: Day) -> bool:
        """Whether a fact of this day belongs to the period."""
        if day is ALWAYS:
            return True
        return isinstance(day, date) and (self.first_day or date.min) <= day <= self.last_day


class Content(Struct, frozen=True):
    """A table's columns and rows."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


Book = PostgresEngine | Together
"""The ledger's own database."""
Source = Callable[[Book, Cut], Content]
"""Makes one table."""


def content_of(engine: Engine, source: str, cut: Cut) -> Content:
    """A table that is read from the book. Raises NeedsTheBook."""
    if not isinstance(engine, Book):
        raise NeedsTheBook(table=source)
    return SOURCES[source](engine, cut)


def _column(id: str, kind: ColumnKind, de: str, en: str) -> Column:
    return Column(id=id, title=Text(de, en), kind=kind)


_POSITION: Final = _column("position", "position", "Position", "Position")
_TYPE: Final = _column("type", "text", "Art der Tatsache", "Fact type")
_DAY: Final = _column("day", "day", "Tag", "Day")
_RECORDED: Final = _column("recorded_on", "day", "Erfasst am (UTC)", "Recorded on (UTC)")
_ACTOR: Final = _column("actor", "text", "Erfasst von", "Recorded by")


def late_facts(book: Book, cut: Cut) -> Content:
    """Every late fact, in order of positions, with the closings it came after."""
    after = _column("closed_at", "text", "Nach Abschluss an Position", "After the closing at")
    rows = tuple(
        (e.position, e.fact.topic, _shown(day), e.recorded_at[:10], e.actor, _joined(positions))
        for e, day, positions in _late(book.conn, cut)
    )
    return Content((_POSITION, _TYPE, _DAY, _RECORDED, _ACTOR, after), rows)


def voided_facts(book: Book, cut: Cut) -> Content:
    """Every void, with its reason and what it voided, a line for each fact."""
    columns = (
        _POSITION,
        _column("reason", "text", "Grund", "Reason"),
        _RECORDED,
        _ACTOR,
        _column("target", "position", "Aufgehobene Position", "Voided position"),
        _column("target_type", "text", "Aufgehobene Tatsache", "Voided fact"),
        _column("target_actor", "text", "Ursprünglich erfasst von", "First recorded by"),
    )
    rows = tuple(
        (
            void.position,
            void.fact.reason,  # type: ignore[attr-defined]  # every void has one
            void.recorded_at[:10],
            void.actor,
            *((target.position, target.fact.topic, target.actor) if target else (None,) * 3),
        )
        for void, targets in _voids(book.conn, cut)
        for target in targets or (None,)
    )
    return Content(columns, rows)


def backdated_facts(book: Book, cut: Cut) -> Content:
    """What was recorded long after its day: facts of one type about one year that one actor
    recorded on one day stand in one line, as an attendance list is hundreds of them."""
    columns = (
        _column("position", "position", "Erste Position", "First position"),
        _TYPE,
        _column("first_day", "day", "Erster Tag", "First day"),
        _column("last_day", "day", "Letzter Tag", "Last day"),
        _RECORDED,
        _ACTOR,
        _column("facts", "count", "Tatsachen", "Facts"),
    )
    rows = tuple(
        (
            line.position,
            line.type,
            line.first_day.isoformat(),
            line.last_day.isoformat(),
            line.recorded_on.isoformat(),
            line.actor,
            line.facts,
        )
        for line in _backdated(book, cut)
    )
    return Content(columns, rows)


def by_actor(book: Book, cut: Cut) -> Content:
    """How many facts each actor recorded late, voided, and recorded long after their day."""
    columns = (
        _column("actor", "key", "Erfasst von", "Recorded by"),
        _column("late", "count", "verspätet", "late"),
        _column("voids", "count", "aufgehoben", "voided"),
        _column("backdated", "count", "rückdatiert", "backdated"),
    )
    late_of = Counter(entry.actor for entry, _, _ in _late(book.conn, cut))
    voids_of = Counter(void.actor for void, _ in _voids(book.conn, cut))
    backdated_of: Counter[str] = Counter()
    for backdated in _backdated(book, cut):
        backdated_of[backdated.actor] += backdated.facts
    actors = sorted({*late_of, *voids_of, *backdated_of})
    rows = tuple((a, late_of[a], voids_of[a], backdated_of[a]) for a in actors)
    return Content(columns, rows)


SOURCES: Final[Mapping[str, Source]] = {
    "late_facts": late_facts,
    "voided_facts": voided_facts,
    "by_actor": by_actor,
    "backdated_facts": backdated_facts,
}


def _late(conn: Connection[Any], cut: Cut) -> Iterator[tuple[Entry, Day, tuple[int, ...]]]:
    """Late facts of the period; only those after the first closing can be late."""
    closed = closings(conn, cut.known_at)
    after = closed[0].position if closed else cut.known_at
    while after < cut.known_at:
        rows = conn.execute(
            """SELECT state FROM ledger.facts
            WHERE notification_id > %s AND notification_id <= %s
            ORDER BY notification_id LIMIT %s""",
            (after, cut.known_at, _PAGE_FACTS),
            binary=True,
        ).fetchall()
        entries = [decode_leaf(bytes(state)) for (state,) in rows]
        yield from _late_among(conn, entries, closed, cut)
        after = entries[-1].position


def _late_among(
    conn: Connection[Any], entries: list[Entry], closed: tuple[Closing, ...], cut: Cut
) -> Iterator[tuple[Entry, Day, tuple[int, ...]]]:
    found = late(conn, entries, closed)
    day_of = days(conn, [entry for entry in entries if entry.position in found])
    for entry in entries:
        if entry.position in found and cut.holds(day_of[entry.position]):
            yield entry, day_of[entry.position], found[entry.position]


def _voids(conn: Connection[Any], cut: Cut) -> list[tuple[Entry, tuple[Entry, ...]]]:
    """Voids of the period's facts, each with what it voided: one fact, or an attendance's standing
    ones. What has no day of its own (identifiers, keys) is voided on the day it is recorded."""
    rows = conn.execute(
        """SELECT f.state FROM models.trail t JOIN ledger.facts f ON f.notification_id = t.position
        WHERE t.topic = ANY(%s) AND t.position <= %s ORDER BY t.position""",
        (list(map(name_id, (FactVoided.topic, AttendanceVoided.topic))), cut.known_at),
        binary=True,
    ).fetchall()
    entries = [decode_leaf(bytes(state)) for (state,) in rows]
    day_of = days(conn, entries)
    voids = [
        entry
        for entry in entries
        if cut.holds(day_of[entry.position] or date.fromisoformat(entry.recorded_at[:10]))
    ]
    streams = list({void.stream for void in voids})
    told = histories(conn, streams, cut.known_at)
    return [(void, tuple(_voided_by(void, told[void.stream]))) for void in voids]


def _voided_by(void: Entry, history: Sequence[Entry]) -> Iterator[Entry]:
    """A void is written to its target's stream."""
    before = [entry for entry in history if entry.position < void.position]
    if isinstance(void.fact, FactVoided):
        target = (void.fact.target_source or void.source, void.fact.target)
        yield from (entry for entry in before if (entry.source, entry.id) == target)
    else:
        yield from standing(before)


class _Backdated(NamedTuple):
    """Facts of one type about days of one year, which one actor recorded on one day; `position` is
    the first's."""

    position: int
    type: str
    first_day: date
    last_day: date
    recorded_on: date
    actor: str
    facts: int


# What is about an activity has the activity's day, as known when it was recorded (lateness.py).
# Nine facts of ten are attendances: their rows tell their activity, so their JSON is not read.
# OFFSET 0 keeps the planner from reading a fact's JSON anew for each use of its day.
_BACKDATED: Final = """WITH own AS (
    SELECT position, topic, actor, recorded_at, coalesce(
        (data ->> 'effective_on')::date,
        (data ->> 'last_day')::date + CASE WHEN topic = %(project_ended)s THEN 0 ELSE 1 END) AS day
    FROM (
        SELECT t.position, t.topic, t.actor, f.recorded_at,
            convert_from(f.state, 'UTF8')::json -> 'data' AS data
        FROM models.trail t JOIN ledger.facts f ON f.notification_id = t.position
        WHERE t.position <= %(known_at)s AND t.kind = ANY(ARRAY[1, 2, 3, 6, 7])
        OFFSET 0
    ) AS fact
),
of_activity AS (
    SELECT t.position, t.topic, t.actor, f.recorded_at,
        (convert_from(f.state, 'UTF8')::json -> 'data' ->> 'activity_id')::uuid AS activity_id
    FROM models.trail t JOIN ledger.facts f ON f.notification_id = t.position
    WHERE t.position <= %(known_at)s AND t.kind = 4
    UNION ALL
    SELECT t.position, t.topic, t.actor, f.recorded_at, a.activity_id
    FROM models.attendance a
    JOIN models.trail t ON t.position = a.known_from AND t.topic = ANY(%(attended)s)
    JOIN ledger.facts f ON f.notification_id = a.known_from
    WHERE a.known_from <= %(known_at)s
),
dated AS (
    SELECT position, topic, actor, day, (recorded_at AT TIME ZONE 'UTC')::date AS recorded_on
    FROM (
        SELECT position, topic, actor, recorded_at, day FROM own
        UNION ALL
        SELECT o.position, o.topic, o.actor, o.recorded_at, coalesce(a.held_on, a.starts_on)
        FROM of_activity o
        JOIN models.activity a ON a.activity_id = o.activity_id
            AND a.known_from <= o.position AND o.position < a.known_to
    ) AS every
    OFFSET 0
)
SELECT line.position, type.name, first_day, last_day, recorded_on, who.name, facts
FROM (
    SELECT min(position) AS position, topic, min(day) AS first_day, max(day) AS last_day,
        recorded_on, actor, count(*) AS facts
    FROM dated
    WHERE day BETWEEN %(first_day)s AND %(last_day)s AND recorded_on - day > %(days)s
    GROUP BY topic, extract(year FROM day), recorded_on, actor
) AS line
JOIN models.trail_name AS type ON type.id = line.topic
JOIN models.trail_name AS who ON who.id = line.actor
ORDER BY line.position"""


def _backdated(book: Book, cut: Cut) -> list[_Backdated]:
    """Facts of the period recorded long after their day, in order of their first positions. Voids
    and what takes a registration back say nothing new of a day, and are not among them."""
    rows = _remembered(
        book,
        _BACKDATED,
        {
            "known_at": cut.known_at,
            "first_day": cut.first_day or date.min,
            "last_day": cut.last_day,
            "days": BACKDATED_DAYS,
            "project_ended": name_id(ProjectEnded.topic),
            "attended": list(map(name_id, (AttendanceRegistered.topic, AttendanceRecorded.topic))),
        },
    )
    return list(map(_Backdated._make, rows))


def _remembered(book: Book, sql: str, parameters: Mapping[str, Any]) -> Rows:
    """Rows that two tables are made of, found once; planned as these tables want it, and not as
    figures do."""
    key = key_of(sql, parameters)
    found = book.answers.get(key) if isinstance(book, Together) else None
    if found is None:
        found = book.conn.execute(sql, parameters, prepare=False).fetchall()
        if isinstance(book, Together):
            book.answers.keep({key: found})
    return found


def _shown(day: Day) -> str | None:
    return day.isoformat() if isinstance(day, date) else None


def _joined(positions: tuple[int, ...]) -> str:
    return ", ".join(map(str, positions))
