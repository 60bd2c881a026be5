"""Open imports: activities of which a list announces more rows than attendances ever came.

An `attendance_list.imported` says how many rows its list has; each is recorded as an attendance.
Until as many persons were recorded at the activity, the rest is on its way, and what is counted of
it is too little. A row that was voided since did come. Of several lists the longest counts: a list
sent again has the same persons. What an office never announces, nobody can miss.
See docs/adr/0017-open-imports.md.
"""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from msgspec import Struct

from ledger.domain.facts import AttendanceRecorded
from projections.reports.catalogue import ReportOf
from projections.reports.compute import Asked, questions_of
from projections.reports.model import ACCEPTED, OPEN_IMPORTS
from projections.reports.refusals import ImportOpen

if TYPE_CHECKING:
    from psycopg import Connection

_NAMED_MAX: Final = 3
"""How many activities a refusal names."""

# Standing attendances are counted in one go: where they are fewer than the rows, which is rare,
# those that ever came are told apart.
_OPEN: Final = """WITH waiting AS MATERIALIZED (
    SELECT activity.activity_id, title, held_on, announced
    FROM models.activity AS activity
    LEFT JOIN (
        SELECT activity_id, count(*) AS persons FROM models.attendance
        WHERE recorded AND known_from <= %(known_at)s AND %(known_at)s < known_to
        GROUP BY activity_id
    ) AS standing ON standing.activity_id = activity.activity_id
    WHERE held_on BETWEEN %(first_day)s AND %(last_day)s AND NOT cancelled
        AND announced > coalesce(persons, 0)
        AND known_from <= %(known_at)s AND %(known_at)s < known_to
        AND (%(cluster)s = '' OR %(cluster)s = ANY(organisers))
)
SELECT activity_id, title, held_on, announced, arrived
FROM (
    SELECT waiting.*, (
        SELECT count(DISTINCT person_ref) FROM models.attendance AS attendance
        WHERE attendance.activity_id = waiting.activity_id AND recorded
            AND known_from <= %(known_at)s
    ) AS arrived
    FROM waiting
) AS counted
WHERE arrived < announced
ORDER BY held_on, activity_id"""


class OpenImport(Struct, frozen=True):
    """An activity, the rows its list announces, and how many persons were ever recorded at it."""

    activity_id: UUID
    title: str
    held_on: date
    announced: int
    arrived: int


def open_imports(conn: Connection[Any], report: ReportOf, asked: Asked) -> list[OpenImport]:
    """The open imports that a report would be filed over, by day; none, where it counts no
    attendances. A report of one cluster is of the activities that it organises."""
    figures = {question.figure for question in questions_of(report, asked)}
    if not any(AttendanceRecorded.topic in asked.figures[figure].facts for figure in figures):
        return []
    rows = conn.execute(
        _OPEN,
        {
            "known_at": asked.known_at,
            "first_day": asked.period_from or date.min,
            "last_day": asked.period_to,
            "cluster": asked.parameters.get("cluster", ""),
        },
    ).fetchall()
    return [OpenImport(*row) for row in rows]


def refuse_open(conn: Connection[Any], report: ReportOf, asked: Asked) -> None:
    """Raises ImportOpen, unless whoever files accepts that."""
    if asked.parameters.get(OPEN_IMPORTS) == ACCEPTED:
        return
    found = open_imports(conn, report, asked)
    if found:
        first = "; ".join(
            f"{one.arrived}/{one.announced} {one.title}, {one.held_on}, {one.activity_id}"
            for one in found[:_NAMED_MAX]
        )
        raise ImportOpen(activities=len(found), first=first)
