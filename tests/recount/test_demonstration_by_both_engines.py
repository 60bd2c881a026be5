"""A hundredth of the demonstration in both engines: the same bytes, the generator's numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from typing import NamedTuple
from uuid import uuid4

import pytest

from api.cli.demonstration import _commands
from api.cli.loading import load
from api.demonstration import programme
from api.demonstration.figures import Expected
from ledger.domain.commands import ADMIN, Authority
from ledger.service import Ledger
from ledger.store.book import Book
from projections.figures import agreement
from projections.figures.catalogue import CATALOGUE, EVERY, HEADLINE
from projections.figures.compute import compute
from projections.figures.engines import Engine
from projections.figures.together import Together
from projections.recount.engine import DuckEngine, from_leaves
from tests.conftest import FreshDatabase
from tests.figures.history import ORIGIN, history

LATER = date(2026, 11, 22)
AUTHORITY = Authority(f"key:{uuid4()}", frozenset({ADMIN}))
PERIODS: list[agreement.Period] = [
    (None, date(2026, 10, 31)),
    (date(2011, 5, 17), date(2014, 2, 3)),
]


class Loaded(NamedTuple):
    """The programme as the generator counts it, and in both engines."""

    expected: Expected
    postgres: Together
    duck: DuckEngine


@pytest.fixture(scope="module")
def loaded(fresh_database: FreshDatabase) -> Iterator[Loaded]:
    made = programme(0.01, today=LATER)
    with fresh_database() as url, history(url) as past:
        with Ledger.open(url, driven=True) as ledger:
            outcome = load(ledger, AUTHORITY, _commands(made), lambda _: None)
        assert outcome.refused == 0
        past.project_all()
        with closing(Book(url)) as book:
            leaves = book.leaves(0, 100_000)
        with from_leaves(leaves, origin=ORIGIN) as duck:
            yield Loaded(made.expected(), Together(past.conn), duck)


def test_every_definition_is_the_same_in_both_engines(loaded: Loaded) -> None:
    """In several periods at several positions, its value and its tables in turn."""
    known = agreement.positions(loaded.duck.position, 2)
    asks = list(agreement.asks(loaded.postgres, EVERY.values(), PERIODS, known))
    assert {ask.definition.name for ask in asks} == set(EVERY)
    assert len(asks) == len(EVERY) * len(PERIODS) * len(known) * 2
    different = [
        str(o) for o in agreement.compared(loaded.postgres, loaded.duck, asks) if not o.equal
    ]
    assert different == []


@pytest.mark.parametrize("engine", ["postgres", "duck"])
def test_the_headline_is_what_the_generator_counted(loaded: Loaded, engine: str) -> None:
    expected = loaded.expected
    asked: Engine = getattr(loaded, engine)
    names = ("companies", "activities", "participations", "projects")
    for figure, name in zip(HEADLINE, names, strict=True):
        by = {
            dimension: compute(
                asked,
                CATALOGUE[figure],
                period_from=None,
                period_to=expected.end,
                known_at=loaded.duck.position,
                by=dimension,
            )
            for dimension in ("year", "cluster")
        }
        assert by["year"].value == getattr(expected, name)
        for dimension, told in (("year", expected.by_year), ("cluster", expected.by_cluster)):
            rows = {row.key: row.value for row in by[dimension].rows or ()}
            assert rows == {str(key): getattr(one, name) for key, one in told.items()}
