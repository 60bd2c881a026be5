"""What came late, was voided, or was recorded long after its day: read from the ledger's book."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final

from ledger.domain.facts import (
    AttendanceRecorded,
    AttendanceRegistered,
    AttendanceVoided,
    FactVoided,
    ProjectEnded,
)
from ledger.domain.history import Entry, standing
from ledger.store.codec import decode_leaf, sql_of
from projections.figures.behind import histories
from projections.figures.engines import patiently
from projections.figures.together import Answers, Rows, key_of
from projections.models.trail import name_id
from projections.views.lateness import ALWAYS, Closing, Day, closings, days, late

if TYPE_CHECKING:
    from psycopg import Connection

_PAGE_FACTS: Final = 5_000
_NONE: Final[list[Entry | None]] = [None]

# A worker would take the other core from the figures, which are counted meanwhile.
_PLANNED: Final = """SELECT set_config('enable_sort', 'off', true),
    set_config('jit', 'off', true), set_config('work_mem', '8MB', true),
    set_config('hash_mem_multiplier', '1', true),
    set_config('max_parallel_workers_per_gather', '0', true)"""

# Halves of halves, down to the positions at which a day begins: an index would cost each fact, and
# reading all facts takes seconds.
_DAYS: Final = """WITH RECURSIVE piece (low, high, low_day, high_day) AS (
    SELECT 0::bigint, notification_id, '-infinity'::date, (recorded_at AT TIME ZONE 'UTC')::date
    FROM ledger.facts WHERE notification_id = %(known_at)s
    UNION ALL
    SELECT half.*
    FROM piece
    CROSS JOIN LATERAL (
        SELECT notification_id AS position, (recorded_at AT TIME ZONE 'UTC')::date AS day
        FROM ledger.facts WHERE notification_id = (low + high) / 2 OFFSET 0
    ) AS middle
    CROSS JOIN LATERAL (
        VALUES (low, position, low_day, day), (position, high, day, high_day)
    ) AS half (low, high, low_day, high_day)
    WHERE piece.high - piece.low > 1 AND half.low_day < half.high_day
)
SELECT array_agg(high ORDER BY high), array_agg(high_day ORDER BY high)
FROM piece WHERE high - low = 1"""

# What is about an activity has the activity's day, as known when it was recorded (lateness.py).
# Nine facts of ten are attendances: their rows tell their activity, so their leaves are not read.
# OFFSET 0 keeps the planner from finding a fact's day anew for each use of it.
_BACKDATED: Final = f"""WITH fact AS (
    SELECT t.position, t.topic, t.actor, t.kind, {sql_of("activity_id", 36)}::uuid AS activity_id,
        coalesce({sql_of("effective_on", 10)}::date, {sql_of("last_day", 10)}::date
            + CASE WHEN t.topic = %(project_ended)s THEN 0 ELSE 1 END) AS day
    FROM models.trail t JOIN ledger.facts f ON f.notification_id = t.position
    WHERE t.position <= %(known_at)s AND t.kind = ANY(ARRAY[1, 2, 3, 4, 6, 7])
        AND f.topic <> ALL(%(attended)s)
),
of_activity AS (
    SELECT position, topic, actor, activity_id FROM fact WHERE kind = 4
    UNION ALL
    SELECT t.position, t.topic, t.actor, a.activity_id
    FROM models.attendance a
    JOIN models.trail t ON t.position = a.known_from AND t.topic = ANY(%(attended_ids)s)
    WHERE a.known_from <= %(known_at)s
),
dated AS (
    SELECT position, topic, actor, day,
        (%(days_begun)s::date[])[width_bucket(position, %(begun_at)s::bigint[])] AS recorded_on
    FROM (
        SELECT position, topic, actor, day FROM fact WHERE kind <> 4
        UNION ALL
        SELECT o.position, o.topic, o.actor, coalesce(a.held_on, a.starts_on)
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
    GROUP BY topic, date_part('year', day), recorded_on, actor
) AS line
JOIN models.trail_name AS type ON type.id = line.topic
JOIN models.trail_name AS who ON who.id = line.actor
ORDER BY line.position"""  # noqa: S608 - constants


class BookTelling:
    """Facts about facts, as recount/telling.py tells them from a file. `first_day` and `last_day`
    are the days they concern, both inclusive, `known_at` is the last position."""

    def __init__(self, conn: Connection[Any], answers: Answers | None) -> None:
        self._conn = conn
        self._answers = answers

    def late(self, first_day: date, last_day: date, known_at: int) -> Rows:
        """Position, type, day (None: every day), recorded on, actor, closings it came after."""
        return self._kept("late", (first_day, last_day, known_at), self._late)

    def _late(self, first_day: date, last_day: date, known_at: int) -> Rows:
        return [
            (
                entry.position,
                entry.fact.topic,
                None if day is ALWAYS else day,
                _recorded_on(entry),
                entry.actor,
                positions,
            )
            for entry, day, positions in _late(self._conn, known_at)
            if _within(day, first_day, last_day)
        ]

    def voided(self, first_day: date, last_day: date, known_at: int) -> Rows:
        """Position, reason, recorded on and actor of a void; position, type and actor of a fact
        that it voided: a row for each. What has no day of its own (identifiers, keys) is voided on
        the day it is recorded."""
        return self._kept("voided", (first_day, last_day, known_at), self._voided)

    def _voided(self, first_day: date, last_day: date, known_at: int) -> Rows:
        voids = [
            void
            for void, day in _voids(self._conn, known_at)
            if _within(day or _recorded_on(void), first_day, last_day)
        ]
        told = histories(self._conn, list({void.stream for void in voids}), known_at)
        return [
            (void.position, _reason(void), _recorded_on(void), void.actor, *gone)
            for void in voids
            for gone in map(_named, list(_voided_by(void, told[void.stream])) or _NONE)
        ]

    def backdated(self, first_day: date, last_day: date, known_at: int, days: int) -> Rows:
        """First position, type, first day, last day, recorded on, actor and number of facts of one
        type about one year that one actor recorded on one day, more than `days` later.

        Voids and what takes a registration back say nothing new of a day, and are not among them.
        """
        return self._kept("backdated", (first_day, last_day, known_at, days), self._backdated)

    def _backdated(self, first_day: date, last_day: date, known_at: int, days: int) -> Rows:
        attended = AttendanceRegistered.topic, AttendanceRecorded.topic
        asked = {
            "known_at": known_at,
            "first_day": first_day,
            "last_day": last_day,
            "days": days,
            "project_ended": name_id(ProjectEnded.topic),
            "attended": list(attended),
            "attended_ids": list(map(name_id, attended)),
        }
        with patiently(self._conn):
            self._conn.execute(_PLANNED)
            begun = self._conn.execute(_DAYS, asked, prepare=False).fetchone()
            asked["begun_at"], asked["days_begun"] = begun or (None, None)
            return self._conn.execute(_BACKDATED, asked, prepare=False).fetchall()

    def _kept(self, name: str, asked: tuple[Any, ...], find: Callable[..., Rows]) -> Rows:
        """Rows that two tables are made of, found once: like figures they never change."""
        if self._answers is None:
            return find(*asked)
        key = key_of(name, {"asked": asked})
        found = self._answers.get(key)
        if found is None:
            found = find(*asked)
            self._answers.keep({key: found})
        return found


def _within(day: Day, first_day: date, last_day: date) -> bool:
    """Whether a fact of this day concerns the days: what acts on every day does."""
    return day is ALWAYS or (isinstance(day, date) and first_day <= day <= last_day)


def _named(gone: Entry | None) -> tuple[int | None, str | None, str | None]:
    return (gone.position, gone.fact.topic, gone.actor) if gone is not None else (None, None, None)


def _reason(void: Entry) -> str:
    reason: str = void.fact.reason  # type: ignore[attr-defined]  # every void has one
    return reason


def _recorded_on(entry: Entry) -> date:
    return date.fromisoformat(entry.recorded_at[:10])


def _late(conn: Connection[Any], known_at: int) -> Iterator[tuple[Entry, Day, tuple[int, ...]]]:
    """Late facts; only those after the first closing can be late."""
    closed = closings(conn, known_at)
    after = closed[0].position if closed else known_at
    while after < known_at:
        rows = conn.execute(
            """SELECT state FROM ledger.facts
            WHERE notification_id > %s AND notification_id <= %s
            ORDER BY notification_id LIMIT %s""",
            (after, known_at, _PAGE_FACTS),
            binary=True,
        ).fetchall()
        entries = [decode_leaf(bytes(state)) for (state,) in rows]
        yield from _late_among(conn, entries, closed)
        after = entries[-1].position


def _late_among(
    conn: Connection[Any], entries: list[Entry], closed: tuple[Closing, ...]
) -> Iterator[tuple[Entry, Day, tuple[int, ...]]]:
    found = late(conn, entries, closed)
    day_of = days(conn, [entry for entry in entries if entry.position in found])
    for entry in entries:
        if entry.position in found:
            yield entry, day_of[entry.position], found[entry.position]


def _voids(conn: Connection[Any], known_at: int) -> list[tuple[Entry, Day]]:
    """Every void, with its target's day."""
    rows = conn.execute(
        """SELECT f.state FROM models.trail t JOIN ledger.facts f ON f.notification_id = t.position
        WHERE t.topic = ANY(%s) AND t.position <= %s ORDER BY t.position""",
        (list(map(name_id, (FactVoided.topic, AttendanceVoided.topic))), known_at),
        binary=True,
    ).fetchall()
    entries = [decode_leaf(bytes(state)) for (state,) in rows]
    day_of = days(conn, entries)
    return [(entry, day_of[entry.position]) for entry in entries]


def _voided_by(void: Entry, history: Sequence[Entry]) -> Iterator[Entry]:
    """A void is written to its target's stream."""
    before = [entry for entry in history if entry.position < void.position]
    if isinstance(void.fact, FactVoided):
        target = (void.fact.target_source or void.source, void.fact.target)
        yield from (entry for entry in before if (entry.source, entry.id) == target)
    else:
        yield from standing(before)
