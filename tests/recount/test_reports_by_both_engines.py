"""Reports, not figures alone, from two engines: the same canonical bytes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import Any

import duckdb
import psycopg
import pytest

from ledger.store.book import Book
from projections.figures.engines import Engine
from projections.recount import fragments
from projections.recount.database import Database
from projections.recount.engine import DuckEngine, from_leaves
from projections.reports.agreement import told_alike
from projections.reports.catalogue import REPORTS, report_of
from projections.reports.compute import compute_report
from tests.conftest import FreshDatabase
from tests.figures.history import OFFICE, ORIGIN, History, history, uid
from tests.reports.programme import joint_programme
from tests.reports.test_lateness import close

PERIODS = ((None, date(2019, 12, 31)), (date(2018, 2, 1), date(2018, 9, 30)))


@pytest.fixture(scope="module")
def both(fresh_database: FreshDatabase) -> Iterator[tuple[History, DuckEngine]]:
    """A programme with a merger, a duplicate, a member that left, and a void; in both engines."""
    with fresh_database() as url, history(url) as past:
        past.cluster("rail", "food", "wood")
        joint_programme(past)
        past.member("c", "wood", "2017-03-01", "2018-08-31")
        past.company("twin", "heir")
        past.member("twin", "food", "2018-04-01")
        same = {"organisation_id": uid("twin"), "of": uid("b"), "reason": "the same seat"}
        past.post("organisation.marked_duplicate", **same)
        absorbed = {"organisation_id": uid("c"), "into": uid("heir"), "effective_on": "2019-03-01"}
        past.post("organisation.merged", **absorbed)
        close(past)
        past.void(past.headcount("talk", 9, "total"))
        never = {"activity_id": uid("fair"), "person_ref": uid("ben"), "reason": "never"}
        past.post("attendance.voided", **never)
        past.came("talk", ["dia"], "b")
        past.project_all()
        with closing(Book(url)) as book:
            leaves = book.leaves(0, 10_000)
        with from_leaves(leaves, origin=ORIGIN) as duck:
            yield past, duck


def made(engine: Engine, name: str, known_at: int) -> list[bytes]:
    return [
        compute_report(
            engine,
            report_of(name),
            period_from=period_from,
            period_to=period_to,
            known_at=known_at,
            parameters={},
        ).canonical()
        for period_from, period_to in PERIODS
    ]


@pytest.mark.parametrize("name", sorted(REPORTS))
def test_a_report_has_the_same_bytes_from_both_engines(
    both: tuple[History, DuckEngine], name: str
) -> None:
    past, duck = both
    for known_at in (past.head, past.head // 2):
        assert made(duck, name, known_at) == made(past.engine, name, known_at)
    assert made(duck, name, past.head) != made(duck, name, past.head // 2), "the control"


def test_no_number_shows_how_little_memory_there_was(
    both: tuple[History, DuckEngine], monkeypatch: pytest.MonkeyPatch
) -> None:
    past, duck = both
    wanted = made(past.engine, "complete", past.head)
    enough, refused = Database.rows, []

    def scarce(self: Database, sql: str, parameters: Any = (), *, grow: bool = True) -> Any:
        """Whatever may not grow is too much; so every stretch of days is asked for by itself."""
        if not grow:
            refused.append(sql)
            raise duckdb.OutOfMemoryException("not for many stretches")
        return enough(self, sql, parameters)

    monkeypatch.setattr(Database, "rows", scarce)
    monkeypatch.setattr(fragments, "KEPT_MAX", 3)
    assert made(duck, "complete", past.head) == wanted
    assert refused


def test_lists_of_facts_are_compared_and_a_difference_is_named(
    both: tuple[History, DuckEngine],
) -> None:
    past, duck = both
    asked = [(PERIODS[0], past.head), (PERIODS[1], past.head)]
    assert list(told_alike(past.engine, duck, asked)) == [None, None]
    renamed = "UPDATE models.trail_name SET name = %s WHERE name = %s"
    with psycopg.connect(past.url, autocommit=True) as conn:
        conn.execute(renamed, ("key:other", OFFICE.actor))
        first, _ = told_alike(past.engine, duck, asked)
        conn.execute(renamed, (OFFICE.actor, "key:other"))
    assert first is not None
    assert first.startswith("late_voided_backdated, start..2019-12-31, known at ")
