"""The runner counts the first page and the headline beforehand, and no fact waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import date, datetime
from threading import Event, Thread
from typing import Any

import psycopg
import pytest

from ledger.store.desk import BERLIN
from projections.figures.catalogue import CATALOGUE, HEADLINE
from projections.figures.compute import compute
from projections.figures.together import Answers, Together
from projections.reports.catalogue import report_of
from projections.reports.compute import compute_report
from projections.reports.model import Report
from projections.runner import follow
from projections.warming import Warmer, warm
from tests.figures.history import History
from tests.reports.programme import joint_programme

TODAY = date(2020, 6, 1)


def counted(asked: list[Any]) -> int:
    """How many of the statements count figures."""
    return sum("cluster" in parameters for parameters in asked)


def reader(past: History) -> Together:
    """An engine as a request has it, in a process that counted nothing yet."""
    return Together(past.conn, Answers())


def first_page(engine: Any, known_at: int, until: date = date(2019, 12, 31)) -> Report:
    return compute_report(
        engine,
        report_of("overview"),
        period_from=date(2006, 1, 1),
        period_to=until,
        known_at=known_at,
        parameters={},
    )


@pytest.fixture
def told(past: History) -> History:
    joint_programme(past)
    past.project_all()
    return past


@pytest.fixture
def owner(told: History) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(told.url, autocommit=True) as conn:
        yield conn


def answers(conn: psycopg.Connection[Any]) -> int:
    row = conn.execute("SELECT count(*) FROM models.answer").fetchone()
    assert row is not None
    return int(row[0])


def eventually(holds: Callable[[], bool], timeout_s: float = 20) -> bool:
    ends = time.monotonic() + timeout_s
    while time.monotonic() < ends:
        if holds():
            return True
        time.sleep(0.02)
    return False


def test_what_was_counted_beforehand_is_not_counted_by_a_reader(
    told: History, owner: psycopg.Connection[Any], asked: list[Any]
) -> None:
    warm(owner, told.head, TODAY)
    engine = reader(told)
    asked.clear()
    warmed = first_page(engine, told.head)
    for figure in HEADLINE:
        compute(engine, CATALOGUE[figure], period_from=None, period_to=TODAY, known_at=told.head)
    assert counted(asked) == 0
    assert warmed.canonical() == first_page(told.engine, told.head).canonical()
    asked.clear()
    first_page(engine, told.head - 1)
    assert counted(asked), "the control: at another position it is counted"


def test_a_process_counts_once_what_many_ask(told: History, asked: list[Any]) -> None:
    """A preview, its filing, and the filing read again."""
    shared = Answers()
    found = []
    for _ in range(3):
        asked.clear()
        first_page(Together(told.conn, shared), told.head)
        found.append(counted(asked))
    assert found[0] > 0
    assert found[1:] == [0, 0]


def test_the_oldest_answers_go_first() -> None:
    kept = Answers(most=2)
    for number in range(3):
        kept.keep({bytes([number]): [(number,)]})
    assert [kept.get(bytes([number])) for number in range(3)] == [None, [(1,)], [(2,)]]


def test_the_runner_counts_when_no_fact_comes(
    told: History, owner: psycopg.Connection[Any]
) -> None:
    stop = Event()
    thread = Thread(target=follow, args=(told.url, stop))
    thread.start()
    try:
        assert eventually(lambda: answers(owner) > 0)
    finally:
        stop.set()
        thread.join(20)
    assert not thread.is_alive()


def test_the_next_fact_ends_what_is_being_counted(
    told: History, owner: psycopg.Connection[Any], asked: list[Any]
) -> None:
    def counting() -> set[int]:
        rows = owner.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database()"
            " AND wait_event_type = 'Lock' AND query LIKE 'WITH%'"
        )
        return {pid for (pid,) in rows}

    with closing(Warmer(told.url)) as warmer, psycopg.connect(told.url) as blocker:
        blocker.execute("LOCK TABLE models.attendance")
        warmer.moved(told.head - 1)
        assert eventually(lambda: len(counting()) == 1), "it waits for the table"
        first = counting()
        began = time.monotonic()
        warmer.moved(told.head)
        assert time.monotonic() - began < 1
        assert eventually(lambda: not counting() & first)
        assert answers(owner) == 0
        blocker.rollback()
        assert eventually(lambda: answers(owner) > 0), "then it counts at the new position"
    asked.clear()
    first_page(reader(told), told.head, until=date(datetime.now(BERLIN).year - 1, 12, 31))
    assert counted(asked) == 0
