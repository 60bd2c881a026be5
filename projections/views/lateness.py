"""Late facts: those whose day lies in a period that was closed before they were recorded.

A fact's day is the one that it takes effect on (`effective_on`, the day after `last_day`); a
project's end has its `last_day`, on which it is counted; the
facts of an activity, its head-counts, lists and attendances have the day on which it was held, or
was to begin, as known when they were recorded. A void has its target's day, as it was known just
before. Marking duplicates acts on every day, so it is late for every period closed before. What has
no day (identifiers, sealed and erased persons, reports, keys) is never late.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

from ledger.domain import facts as f
from ledger.domain.facts import Fact, PeriodClosed
from ledger.domain.history import Entry
from ledger.domain.streams import UNDATED, effective_day
from ledger.store.codec import decode_leaf, event_key
from projections.models.trail import name_id

if TYPE_CHECKING:
    from psycopg import Connection


class Closing(NamedTuple):
    """A closed period: the position of its `period.closed`, and its days, both inclusive."""

    position: int
    first_day: date
    last_day: date


class EveryDay(Enum):
    """The day of a fact about who is the same as whom."""

    always = "always"


ALWAYS: Final = EveryDay.always
Day = date | EveryDay | None
"""None: the fact has no day."""

_TIMELESS: Final = (
    f.OrganisationMarkedDuplicate,
    f.OrganisationDuplicateReverted,
    f.PersonMarkedDuplicate,
)


def closings(conn: Connection[Any], upto: int) -> tuple[Closing, ...]:
    """The periods closed by position `upto`, oldest closing first."""
    rows = conn.execute(
        """SELECT f.state FROM models.trail t JOIN ledger.facts f ON f.notification_id = t.position
        WHERE t.topic = %s AND t.position <= %s ORDER BY t.position""",
        (name_id(PeriodClosed.topic), upto),
        binary=True,
    ).fetchall()
    entries = [decode_leaf(bytes(state)) for (state,) in rows]
    return tuple(
        Closing(entry.position, entry.fact.period_from, entry.fact.period_to)
        for entry in entries
        if isinstance(entry.fact, PeriodClosed)
    )


def late(
    conn: Connection[Any], entries: Sequence[Entry], closed: Sequence[Closing]
) -> dict[int, tuple[int, ...]]:
    """Of these facts those that are late: `{position: positions of the closings before it}`."""
    if not closed:
        return {}
    recent = [entry for entry in entries if entry.position > closed[0].position]
    found = {
        position: tuple(
            one.position
            for one in closed
            if one.position < position
            and (day is ALWAYS or (isinstance(day, date) and one.first_day <= day <= one.last_day))
        )
        for position, day in days(conn, recent).items()
    }
    return {position: positions for position, positions in found.items() if positions}


def days(conn: Connection[Any], entries: Sequence[Entry]) -> dict[int, Day]:
    """The day of each fact, by position."""
    targets = _targets(conn, entries)
    asked: list[tuple[int, Fact, int]] = []
    for entry in entries:
        target = targets.get(entry.position)
        if target is not None:
            asked.append((entry.position, target, entry.position - 1))
        else:
            asked.append((entry.position, entry.fact, entry.position))
    held = _days_of_activities(
        conn,
        [(fact.activity_id, known) for _, fact, known in asked if hasattr(fact, "activity_id")],
    )
    return {position: _day(fact, known, held) for position, fact, known in asked}


def day_of(fact: Fact) -> date:
    """The day of a fact that says it itself; UNDATED without one. A project ends on its last day,
    which is counted as that of its end; whoever leaves is counted on the day after."""
    return fact.last_day if isinstance(fact, f.ProjectEnded) else effective_day(fact)


def _day(fact: Fact, known_at: int, held: dict[tuple[UUID, int], date]) -> Day:
    if isinstance(fact, _TIMELESS):
        return ALWAYS
    activity = getattr(fact, "activity_id", None)
    if activity is not None:
        return held.get((activity, known_at))
    day = day_of(fact)
    return None if day == UNDATED else day


def _targets(conn: Connection[Any], entries: Iterable[Entry]) -> dict[int, Fact]:
    """What each `fact.voided` among the entries voids, by the void's position."""
    keys = {
        event_key(entry.fact.target_source or entry.source, entry.fact.target): entry.position
        for entry in entries
        if isinstance(entry.fact, f.FactVoided)
    }
    if not keys:
        return {}
    rows = conn.execute(
        "SELECT event_key, state FROM ledger.facts WHERE event_key = ANY(%s)",
        (list(keys),),
        binary=True,
    ).fetchall()
    return {keys[key]: decode_leaf(bytes(state)).fact for key, state in rows}


def _days_of_activities(
    conn: Connection[Any], asked: Sequence[tuple[UUID, int]]
) -> dict[tuple[UUID, int], date]:
    """The day on which each activity was held, or was to begin, as known at each position."""
    if not asked:
        return {}
    rows = conn.execute(
        """SELECT asked.activity_id, asked.position, coalesce(a.held_on, a.starts_on)
        FROM unnest(%s::uuid[], %s::bigint[]) AS asked (activity_id, position)
        JOIN models.activity a ON a.activity_id = asked.activity_id
            AND a.known_from <= asked.position AND asked.position < a.known_to""",
        ([activity for activity, _ in asked], [position for _, position in asked]),
    ).fetchall()
    return {(activity, position): day for activity, position, day in rows}
