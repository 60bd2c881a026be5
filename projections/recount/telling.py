"""What came late, was voided, or was recorded long after its day.

The tables of figures forget who recorded what, so the leaves are asked (leaves.py). A fact has the
day that it says (`effective_on`, the day after `last_day`; a project ends on its `last_day`), or
that of its activity: when it was held, or else was to begin, as known at its position. A void has
its target's day, as known just before it. Who is the same as whom holds on every day.
"""

from __future__ import annotations

from collections.abc import Hashable
from datetime import date
from sys import intern
from typing import Any, Final

from projections.recount.database import Database
from projections.recount.leaves import shares_of

_TOLD: Final = """SELECT position, stream, about.type, actor, recorded_on, target, reason,
    meant IN ('organisation.marked_duplicate.v1', 'organisation.duplicate_reverted.v1',
        'person.marked_duplicate.v1') AS always,
    coalesce(
        effective_on,
        last_day + CASE WHEN meant = 'project.ended.v1' THEN 0 ELSE 1 END,
        activity.held_on, activity.starts_on) AS day,
    period_from AS first_day, period_to AS last_day
FROM (
    SELECT position, stream, type, actor, recorded_on, NULL AS target, reason, period_from,
        period_to, type AS meant, effective_on, last_day, activity_id, position AS known
    FROM leaf
    WHERE position NOT IN (SELECT void FROM voided)
    UNION ALL
    SELECT void.position, void.stream, void.type, void.actor, void.recorded_on, target, void.reason,
        NULL, NULL, meant.type, meant.effective_on, meant.last_day, meant.activity_id,
        void.position - 1
    FROM voided
    JOIN leaf AS void ON void.position = voided.void
    JOIN leaf AS meant ON meant.position = voided.target
) AS about
LEFT JOIN models.activity AS activity
    ON activity.activity_id = about.activity_id
    AND activity.known_from <= about.known AND about.known < activity.known_to
    AND {share_of_activities}
WHERE {share_of_facts}"""

_LATE: Final = """SELECT late.position, late.type, CASE WHEN NOT late.always THEN late.day END,
    late.recorded_on, late.actor, list(closing.position ORDER BY closing.position)
FROM told AS late
JOIN told AS closing ON closing.type = 'period.closed.v1' AND closing.position < late.position
    AND (late.always OR late.day BETWEEN closing.first_day AND closing.last_day)
WHERE late.position <= $known_at
    AND (late.always OR late.day BETWEEN $first_day AND $last_day)
GROUP BY ALL
ORDER BY late.position"""

# An attendance's void takes whatever stood of it until then.
_VOIDED: Final = """SELECT void.position, void.reason, void.recorded_on, void.actor,
    gone.position, gone.type, gone.actor
FROM told AS void
LEFT JOIN told AS gone ON gone.stream = void.stream AND gone.position < void.position
    AND gone.type NOT IN ('fact.voided.v1', 'attendance.voided.v1')
    AND (void.target = gone.position OR void.type = 'attendance.voided.v1' AND NOT EXISTS (
        SELECT 1 FROM told AS earlier
        WHERE earlier.stream = void.stream AND earlier.position < void.position
            AND (earlier.target = gone.position
                OR earlier.type = 'attendance.voided.v1' AND gone.position < earlier.position)))
WHERE void.type IN ('fact.voided.v1', 'attendance.voided.v1') AND void.position <= $known_at
    AND (void.always OR coalesce(void.day, void.recorded_on) BETWEEN $first_day AND $last_day)
ORDER BY void.position, gone.position"""

_BACKDATED: Final = """SELECT min(position), type, min(day), max(day), recorded_on, actor, count(*)
FROM told
WHERE position <= $known_at AND day BETWEEN $first_day AND $last_day
    AND recorded_on - day > $days
    AND type NOT IN ('fact.voided.v1', 'attendance.voided.v1', 'attendance.withdrawn.v1')
GROUP BY type, year(day), recorded_on, actor
ORDER BY min(position)"""

Rows = list[tuple[Any, ...]]


class Telling:
    """Facts about facts, out of the tables that a recount leaves.
    `first_day` and `last_day` are the days they concern, both inclusive, `known_at` is the last
    position."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._found: dict[Hashable, Rows] = {}

    def late(self, first_day: date, last_day: date, known_at: int) -> Rows:
        """Position, type, day (None: every day), recorded on, actor, closings it came after."""
        return self._rows(_LATE, first_day, last_day, known_at)

    def voided(self, first_day: date, last_day: date, known_at: int) -> Rows:
        """Position, reason, recorded on and actor of a void; position, type and actor of a fact
        that it voided: a row for each."""
        return self._rows(_VOIDED, first_day, last_day, known_at)

    def backdated(self, first_day: date, last_day: date, known_at: int, days: int) -> Rows:
        """First position, type, first day, last day, recorded on, actor and number of facts of one
        type about one year that one actor recorded on one day, more than `days` later."""
        return self._rows(_BACKDATED, first_day, last_day, known_at, days=days)

    def _rows(self, sql: str, first_day: date, last_day: date, known_at: int, **more: int) -> Rows:
        if not self._found:
            self._tell()
        key = (sql, first_day, last_day, known_at, *more.items())
        if key not in self._found:
            asked = {"first_day": first_day, "last_day": last_day, "known_at": known_at}
            rows = self._db.streamed(sql, asked | more)
            self._found[key] = [tuple(map(_once, row)) for row in rows]
        return self._found[key]

    def _tell(self) -> None:
        """Fill the table `told`, a share of all activities at a time: with all at once neither side
        of the join has room, and whoever has none writes all facts to the disk."""
        ((facts,),) = self._db.rows("SELECT count(*) FROM leaf")
        shares = shares_of(facts)
        for share in range(shares):
            told = _TOLD.format(
                share_of_activities=f"hash(activity.activity_id) % {shares} = {share}",
                share_of_facts=f"hash(about.activity_id) % {shares} = {share}",
            )
            self._db.rows(f"{'INSERT INTO told' if share else 'CREATE TABLE told AS'}\n{told}")


def _once(value: object) -> object:
    """The same text for equal ones: thousands of rows say a few types, reasons and actors."""
    return intern(value) if isinstance(value, str) else value
