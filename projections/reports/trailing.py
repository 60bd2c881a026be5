"""Tables about the facts themselves: what came late, what was voided, what was recorded long after
its day, and by whom. They are read from the book, so only its own database can make them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from typing import Any, Final

from msgspec import Struct
from psycopg import Connection

from ledger.domain.facts import AttendanceVoided, FactVoided
from ledger.domain.history import Entry
from ledger.store.codec import decode_leaf, event_key
from projections.figures.catalogue import Text
from projections.figures.engines import Engine, PostgresEngine
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


Source = Callable[[Connection[Any], Cut], Content]
"""Makes one table."""


def content_of(engine: Engine, source: str, cut: Cut) -> Content:
    """A table that is read from the book. Raises NeedsTheBook."""
    if not isinstance(engine, PostgresEngine):
        raise NeedsTheBook(table=source)
    return SOURCES[source](engine.conn, cut)


def _column(id: str, kind: ColumnKind, de: str, en: str) -> Column:
    return Column(id=id, title=Text(de, en), kind=kind)


_POSITION: Final = _column("position", "position", "Position", "Position")
_TYPE: Final = _column("type", "text", "Art der Tatsache", "Fact type")
_DAY: Final = _column("day", "day", "Tag", "Day")
_RECORDED: Final = _column("recorded_on", "day", "Erfasst am (UTC)", "Recorded on (UTC)")
_ACTOR: Final = _column("actor", "text", "Erfasst von", "Recorded by")


def late_facts(conn: Connection[Any], cut: Cut) -> Content:
    """Every late fact, in order of positions, with the closings it came after."""
    after = _column("closed_at", "text", "Nach Abschluss an Position", "After the closing at")
    rows = tuple(
        (e.position, e.fact.topic, _shown(day), e.recorded_at[:10], e.actor, _joined(positions))
        for e, day, positions in _late(conn, cut)
    )
    return Content((_POSITION, _TYPE, _DAY, _RECORDED, _ACTOR, after), rows)


def voided_facts(conn: Connection[Any], cut: Cut) -> Content:
    """Every void, with its reason and what it voided."""
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
        for void, target in _voids(conn, cut)
    )
    return Content(columns, rows)


def by_actor(conn: Connection[Any], cut: Cut) -> Content:
    """How many facts each actor recorded late, voided, and recorded long after their day."""
    columns = (
        _column("actor", "key", "Erfasst von", "Recorded by"),
        _column("late", "count", "verspätet", "late"),
        _column("voids", "count", "aufgehoben", "voided"),
        _column("backdated", "count", "rückdatiert", "backdated"),
    )
    late_of = Counter(entry.actor for entry, _, _ in _late(conn, cut))
    voids_of = Counter(void.actor for void, _ in _voids(conn, cut))
    backdated_of = _backdated(conn, cut)
    actors = sorted({*late_of, *voids_of, *backdated_of})
    rows = tuple((a, late_of[a], voids_of[a], backdated_of.get(a, 0)) for a in actors)
    return Content(columns, rows)


SOURCES: Final[Mapping[str, Source]] = {
    "late_facts": late_facts,
    "voided_facts": voided_facts,
    "by_actor": by_actor,
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


def _voids(conn: Connection[Any], cut: Cut) -> list[tuple[Entry, Entry | None]]:
    """Voids of the period's facts, each with its target; None where it voids a whole attendance."""
    rows = conn.execute(
        """SELECT f.state FROM models.trail t JOIN ledger.facts f ON f.notification_id = t.position
        WHERE t.topic = ANY(%s) AND t.position <= %s ORDER BY t.position""",
        (list(map(name_id, (FactVoided.topic, AttendanceVoided.topic))), cut.known_at),
        binary=True,
    ).fetchall()
    entries = [decode_leaf(bytes(state)) for (state,) in rows]
    day_of = days(conn, entries)
    voids = [entry for entry in entries if cut.holds(day_of[entry.position])]
    keys = {
        void.position: event_key(void.fact.target_source or void.source, void.fact.target)
        for void in voids
        if isinstance(void.fact, FactVoided)
    }
    targets = conn.execute(
        "SELECT event_key, state FROM ledger.facts WHERE event_key = ANY(%s)",
        (list(keys.values()),),
        binary=True,
    ).fetchall()
    by_key = {key: decode_leaf(bytes(state)) for key, state in targets}
    return [
        (void, by_key.get(keys[void.position]) if void.position in keys else None) for void in voids
    ]


def _backdated(conn: Connection[Any], cut: Cut) -> dict[str, int]:
    """By actor, facts with a day of their own (an attendance has none) recorded long after it.

    OFFSET 0 keeps the planner from reading a fact's JSON anew for each use of its day.
    """
    rows = conn.execute(
        """SELECT name, count(*) FROM (
            SELECT t.actor, f.recorded_at, convert_from(f.state, 'UTF8')::json -> 'data' AS data
            FROM models.trail t JOIN ledger.facts f ON f.notification_id = t.position
            WHERE t.position <= %(known_at)s AND t.kind = ANY(ARRAY[1, 2, 3, 4, 6, 7])
            OFFSET 0
        ) AS fact JOIN models.trail_name ON trail_name.id = fact.actor
        CROSS JOIN LATERAL (SELECT coalesce(
            (data ->> 'effective_on')::date, (data ->> 'last_day')::date + 1,
            (data ->> 'held_on')::date) AS day OFFSET 0) AS own
        WHERE day BETWEEN %(first_day)s AND %(last_day)s
            AND (recorded_at AT TIME ZONE 'UTC')::date - day > %(days)s
        GROUP BY name""",
        {
            "known_at": cut.known_at,
            "first_day": cut.first_day or date.min,
            "last_day": cut.last_day,
            "days": BACKDATED_DAYS,
        },
    )
    return dict(rows.fetchall())


def _shown(day: Day) -> str | None:
    return day.isoformat() if isinstance(day, date) else None


def _joined(positions: tuple[int, ...]) -> str:
    return ", ".join(map(str, positions))
