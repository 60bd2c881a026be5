"""Report 12: what came late, what was voided, what was recorded long after its day, and by whom.

Everything here is recorded today, so a day of the past is backdated, and one of the future is not.
"""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from datetime import date, timedelta
from typing import Any

import pytest

from ledger.store.book import Book
from projections.recount.engine import from_leaves
from projections.reports.catalogue import report_of, tables_of
from projections.reports.compute import compute_report
from projections.reports.telling import BookTelling
from projections.reports.trailing import BACKDATED_DAYS
from tests.figures.history import OFFICE, ORIGIN, History, uid
from tests.projections.book_writer import tamper
from tests.reports.test_lateness import close

ACTOR = OFFICE.actor
Rows = list[tuple[Any, ...]]


def rows(past: History, table: str, **asked: Any) -> Rows:
    """The rows of one of the report's tables, as known at the head; over 2018 unless asked. The
    second engine tells the same from the facts alone."""
    past.project_all()
    asked = {"period_from": date(2018, 1, 1), "period_to": date(2018, 12, 31)} | asked
    asked |= {"known_at": past.head, "parameters": {}}
    report = compute_report(past.engine, report_of("late_voided_backdated"), **asked)
    with closing(Book(past.url)) as book, from_leaves(book.leaves(0, 100), origin=ORIGIN) as duck:
        again = compute_report(duck, report_of("late_voided_backdated"), **asked)
    assert again.canonical() == report.canonical()
    (found,) = (one for one in report.tables if one.id == table)
    return list(found.rows)


def today(past: History) -> str:
    (row,) = past.conn.execute("SELECT max(recorded_at AT TIME ZONE 'UTC')::date FROM ledger.facts")
    return str(row[0].isoformat())


@pytest.fixture
def busy(past: History) -> History:
    """Of 2018: an activity with a head-count and three attendances, a project, a membership."""
    past.company("a")
    past.activity("fair", "rail", on="2018-06-01")
    past.headcount("fair", 40, "total")
    past.came("fair", ["ann", "ben", "cem"], "a")
    past.project("tram", "rail", on="2017-01-01", last_day="2018-12-31")
    past.member("a", "rail", "2018-05-01")
    return past


def test_attendances_and_head_counts_are_backdated_by_the_day_of_their_activity(
    busy: History,
) -> None:
    on, fair = today(busy), ("2018-06-01",) * 2
    assert rows(busy, "backdated") == [
        (5, "activity.scheduled.v1", *fair, on, ACTOR, 1),
        (6, "activity.held.v1", *fair, on, ACTOR, 1),
        (7, "headcount.recorded.v1", *fair, on, ACTOR, 1),
        (8, "attendance.recorded.v1", *fair, on, ACTOR, 3),
        (13, "project.ended.v1", "2018-12-31", "2018-12-31", on, ACTOR, 1),
        (14, "membership.admitted.v1", "2018-05-01", "2018-05-01", on, ACTOR, 1),
    ]
    assert rows(busy, "by_actor") == [(ACTOR, 0, 0, 8)]


def test_days_of_one_year_stand_in_one_line(past: History) -> None:
    past.company("a", "b", "c")
    first = past.member("a", "rail", "2018-03-01")
    past.member("b", "rail", "2018-05-01")
    other = past.member("c", "rail", "2017-05-01")
    on, asked = today(past), {"period_from": date(2017, 1, 1)}
    admitted = [row for row in rows(past, "backdated", **asked) if row[1].startswith("membership")]
    assert admitted == [
        (first, "membership.admitted.v1", "2018-03-01", "2018-05-01", on, ACTOR, 2),
        (other, "membership.admitted.v1", "2017-05-01", "2017-05-01", on, ACTOR, 1),
    ]


def test_only_what_is_recorded_more_than_92_days_later_is_backdated(past: History) -> None:
    past.company("a", "b")
    now = date.fromisoformat(today(past))
    last = now - timedelta(days=BACKDATED_DAYS)
    past.member("a", "rail", last.isoformat())
    older = past.member("b", "rail", (last - timedelta(days=1)).isoformat())
    asked = {"period_from": last - timedelta(days=9), "period_to": now}
    assert [row[0] for row in rows(past, "backdated", **asked)] == [older]


def test_a_fact_stands_under_the_day_on_which_it_was_recorded(past: History) -> None:
    """One day has four facts, one after a gap has three, the others one each."""
    past.company("a", "b", "c", "d", "e", "f")
    past.project_all()
    recorded = [date(2021, 1, day) for day in (1, 2, 2, 2, 2, 3, 9, 9, 9)]
    for position, day in enumerate(recorded, 1):
        instant = f"{day} 23:59:59.999Z"
        tamper(
            past.url,
            f"UPDATE ledger.facts SET recorded_at = '{instant}' WHERE notification_id = {position}",
        )
    telling = BookTelling(past.conn, None)
    for head in range(len(recorded) + 1):
        told = telling.backdated(date.min, date(2020, 12, 31), head, BACKDATED_DAYS)
        facts: Counter[date] = Counter()
        for *_, recorded_on, _, number in told:
            facts[recorded_on] += number
        assert facts == Counter(recorded[:head])


def test_who_recorded_late_is_counted_beside_who_voided(busy: History) -> None:
    closed = close(busy)
    late = busy.came("fair", ["dia"], "a")
    busy.void(late)
    assert [row[0] for row in rows(busy, "late")] == [late, late + 1]
    assert {row[5] for row in rows(busy, "late")} == {str(closed)}
    assert rows(busy, "by_actor") == [(ACTOR, 2, 1, 9)]


def test_a_voided_attendance_names_each_fact_that_fell_with_it(past: History) -> None:
    past.activity("fair", "rail", on="2018-06-01")
    key = {"activity_id": uid("fair"), "person_ref": uid("ann")}
    signed = past.post("attendance.registered", **key)
    wrong = past.came("fair", ["ann"])
    single = past.void(wrong)
    came = past.came("fair", ["ann"])
    whole = past.post("attendance.voided", **key, reason="never")
    found = [(row[0], row[1], row[4], row[5]) for row in rows(past, "voided")]
    assert found == [
        (single, "wrong", wrong, "attendance.recorded.v1"),
        (whole, "never", signed, "attendance.registered.v1"),
        (whole, "never", came, "attendance.recorded.v1"),
    ]
    assert rows(past, "by_actor")[0][2] == 2


def test_a_void_of_what_has_no_day_stands_where_it_was_recorded(past: History) -> None:
    past.company("a")
    named = past.post(
        "organisation.identified", organisation_id=uid("a"), identifiers=["hrb:München 1"]
    )
    void = past.void(named)
    this_year = {"period_from": date(2026, 1, 1), "period_to": date(2199, 12, 31)}
    assert [(row[0], row[4]) for row in rows(past, "voided", **this_year)] == [(void, named)]
    assert rows(past, "voided") == []


def test_the_version_before_lacks_the_list_of_backdated_facts() -> None:
    ids = [table.id for table in tables_of(report_of("late_voided_backdated@1"))]
    assert ids == ["by_actor", "late", "voided"]
    taken = {table.id for table in tables_of(report_of("complete@1"))}
    now = {table.id for table in tables_of(report_of("complete@2"))}
    assert now - taken == {"late_voided_backdated.backdated"}
