"""Random small programmes: rows and figures by two engines, and by a naive count."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date
from typing import Any, NamedTuple

import psycopg
from hypothesis import given, settings
from hypothesis import strategies as st

from ledger.service import Ledger
from ledger.store.book import Book, create
from projections import schema
from projections.figures.catalogue import CATALOGUE
from projections.figures.compute import compute
from projections.figures.engines import PostgresEngine
from projections.recount.engine import DuckEngine, from_leaves
from projections.runner import Projector
from tests.conftest import FreshDatabase
from tests.figures.history import ORIGIN
from tests.figures.naive import Naive, Where
from tests.recount.random_programme import CLUSTERS, FIRST, HAPPENINGS, STEP, STEPS, Drawn, Teller
from tests.recount.tables import differences

END = FIRST + (STEPS + 2) * STEP


class Told(NamedTuple):
    """A history that was told, in three forms."""

    leaves: list[bytes]
    conn: psycopg.Connection[Any]
    postgres: PostgresEngine
    duck: DuckEngine


@contextmanager
def told(fresh_database: FreshDatabase, happenings: list[Drawn]) -> Iterator[Told]:
    with fresh_database() as url:
        create(url, ORIGIN)
        schema.ensure(url)
        with Ledger.open(url) as ledger, Projector(url) as live:
            Teller(ledger).tell(happenings)
            while live.advance():
                pass
        with closing(Book(url)) as book:
            leaves = book.leaves(0, 10_000)
        with psycopg.connect(url) as conn, from_leaves(leaves, origin=ORIGIN) as duck:
            yield Told(leaves, conn, PostgresEngine(conn), duck)


DAYS = st.integers(0, STEPS).map(lambda step: FIRST + step * STEP)


@st.composite
def questions(draw: st.DrawFn) -> dict[str, Any]:
    """A period, a position as a share of the ledger, a table, a view, a cluster."""
    first, last = sorted((draw(DAYS), draw(DAYS)))
    cluster = draw(st.none() | st.sampled_from(CLUSTERS))
    return {
        "period_from": draw(st.none() | st.just(first)),
        "period_to": last,
        "by": draw(st.sampled_from((None, "year", "cluster"))),
        "view": draw(st.sampled_from(("participating", "lead"))),
        "cluster": cluster,
    }


def test_two_engines_and_a_naive_count_agree_on_every_figure(
    fresh_database: FreshDatabase,
) -> None:
    @settings(max_examples=25)
    @given(HAPPENINGS, st.lists(questions(), min_size=4, max_size=4), st.integers(60, 100))
    def compared(happenings: list[Drawn], asked: list[dict[str, Any]], part: int) -> None:
        with told(fresh_database, happenings) as past:
            assert differences(past.conn, past.duck) == {}
            position = len(past.leaves) * part // 100
            naive = Naive(past.leaves[:position], FIRST, END)
            for question in asked:
                _agree(past, naive, question | {"known_at": position})

    compared()


def _agree(past: Told, naive: Naive, question: dict[str, Any]) -> None:
    for name, definition in CATALOGUE.items():
        figure = compute(past.postgres, definition, **question)
        again = compute(past.duck, definition, **question)
        assert figure.canonical() == again.canonical()
        count = getattr(naive, name)
        where = Where(question["cluster"] or "", question["view"])
        first, last = question["period_from"] or FIRST, question["period_to"]
        assert figure.value == count(first, last, where), (name, question)
        for row in figure.rows or ():
            if question["by"] == "year":
                year = int(row.key)
                stretch = max(first, date(year, 1, 1)), min(last, date(year, 12, 31))
                assert row.value == count(*stretch, where), (name, question, row)
            else:
                there = Where(row.key, question["view"])
                assert row.value == count(first, last, there), (name, question, row)
