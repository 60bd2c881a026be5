"""Random small programmes: rows and figures by two engines, and by a naive count."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import date
from typing import Any, NamedTuple

import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from ledger.domain.facts import FACTS
from ledger.service import Ledger
from ledger.store.book import Book, create
from projections import schema
from projections.figures.asking import TIMES, checked, stretches
from projections.figures.catalogue import CATALOGUE, EVERY, NUMBERS, Definition
from projections.figures.compute import compute
from projections.figures.engines import PostgresEngine
from projections.figures.refusals import UnknownCluster
from projections.recount.engine import DuckEngine, from_leaves
from projections.reports.catalogue import report_of
from projections.reports.compute import compute_report
from projections.runner import Projector
from tests.conftest import FreshDatabase
from tests.figures.history import ORIGIN
from tests.figures.naive import Naive, Where
from tests.figures.naive_figures import Asked, Cells, cells
from tests.recount.random_programme import (
    CLUSTERS,
    FIRST,
    HAPPENINGS,
    STEP,
    STEPS,
    WHATS,
    Drawn,
    Teller,
)
from tests.recount.scripted import SCRIPTED_UNTIL, script
from tests.recount.tables import differences

END = FIRST + (STEPS + 2) * STEP


class Told(NamedTuple):
    """A history that was told, in three forms."""

    leaves: list[bytes]
    conn: psycopg.Connection[Any]
    postgres: PostgresEngine
    duck: DuckEngine


@contextmanager
def told(fresh_database: FreshDatabase, tell: Callable[[Teller], None]) -> Iterator[Told]:
    with fresh_database() as url:
        create(url, ORIGIN)
        schema.ensure(url)
        with Ledger.open(url) as ledger, Projector(url) as live:
            tell(Teller(ledger))
            while live.advance():
                pass
        with closing(Book(url)) as book:
            leaves = book.leaves(0, 10_000)
        with psycopg.connect(url) as conn, from_leaves(leaves, origin=ORIGIN) as duck:
            yield Told(leaves, conn, PostgresEngine(conn), duck)


DAYS = st.integers(0, STEPS).map(lambda step: FIRST + step * STEP)


class Drawing(NamedTuple):
    """What is asked of every figure: `table` and `of` are taken from what it has."""

    period_from: date | None
    period_to: date
    table: int
    of: int
    view: str
    cluster: str | None

    def of_figure(self, definition: Definition) -> dict[str, Any]:
        tables = (None, *definition.dimensions)
        return {
            "period_from": self.period_from,
            "period_to": self.period_to,
            "by": tables[self.table % len(tables)],
            "view": self.view,
            "cluster": self.cluster,
            "of": definition.of[self.of % len(definition.of)] if definition.of else None,
        }


@st.composite
def drawings(draw: st.DrawFn) -> Drawing:
    first, last = sorted((draw(DAYS), draw(DAYS)))
    return Drawing(
        draw(st.none() | st.just(first)),
        last,
        draw(st.integers(0, 12)),
        draw(st.integers(0, 2)),
        draw(st.sampled_from(("participating", "lead"))),
        draw(st.none() | st.sampled_from(CLUSTERS)),
    )


class Known:
    """What is known, as each version of a figure understands it."""

    def __init__(self, leaves: list[bytes]) -> None:
        self.now = Naive(leaves, FIRST, END)
        self.before = Naive(leaves, FIRST, END, heirs_end=False)

    def by(self, definition: Definition) -> Naive:
        """Since its spells and parts are of their second edition, an heir's end is theirs too."""
        return self.now if definition.fragments else self.before


def _compare(fresh_database: FreshDatabase, **more: Any) -> None:
    # An example costs seconds, three hundred questions to two engines: none is shrunk.
    @settings(max_examples=6, phases=[Phase.explicit, Phase.reuse, Phase.generate], **more)
    @given(HAPPENINGS, st.lists(drawings(), min_size=3, max_size=3), st.integers(60, 100))
    def compared(happenings: list[Drawn], asked: list[Drawing], part: int) -> None:
        with told(fresh_database, lambda teller: teller.tell(happenings)) as past:
            assert differences(past.conn, past.duck) == {}
            position = len(past.leaves) * part // 100
            known = Known(past.leaves[:position])
            for known_at in (position, len(past.leaves)):
                _tell_alike(past, asked[0].period_from, asked[0].period_to, known_at)
            for turn, drawing in enumerate(asked):
                # Older versions differ by a rule or a dimension: they are asked once.
                for definition in CATALOGUE.values() if turn else EVERY.values():
                    question = drawing.of_figure(definition) | {"known_at": position}
                    _agree(past, known.by(definition), definition, question)

    compared()


def _tell_alike(past: Told, first: date | None, last: date, known_at: int) -> None:
    """What came late, was voided or backdated: both engines list the same."""
    made = [
        compute_report(
            engine,
            report_of("late_voided_backdated"),
            period_from=first,
            period_to=last,
            known_at=known_at,
            parameters={},
        )
        for engine in (past.postgres, past.duck)
    ]
    assert made[0].tables == made[1].tables


def _agree(past: Told, naive: Naive, definition: Definition, question: dict[str, Any]) -> None:
    if question["cluster"] and not _was_there(naive, question["cluster"]):
        for engine in (past.postgres, past.duck):
            with pytest.raises(UnknownCluster):
                compute(engine, definition, **question)
        return
    figure = compute(past.postgres, definition, **question)
    assert figure.canonical() == compute(past.duck, definition, **question).canonical()
    names = NUMBERS[definition.measure]
    where = Where(question["cluster"] or "", question["view"])
    asked = Asked(question["period_from"] or FIRST, question["period_to"], where, "", "")
    asked = asked._replace(of=question["of"] or "")

    def counted(asked: Asked) -> Cells:
        return cells(naive, definition.id, asked)

    whole = tuple(getattr(figure, name) for name in names)
    assert whole == counted(asked).get("", (0,) * len(names)), (definition.name, question)
    if question["by"] is None:
        return
    rows = {row.key: tuple(getattr(row, name) for name in names) for row in figure.rows or ()}
    expected: Cells = {}
    if question["by"] in TIMES:
        for part in stretches(past.duck, checked(past.duck, definition, **question)):
            asked = asked._replace(first=part.first_day, last=part.last_day)
            expected[part.key] = counted(asked).get("", ())
    elif question["by"] == "cluster":
        for code in rows:
            there = asked._replace(where=Where(code, question["view"]))
            expected[code] = counted(there).get("", ())
    else:
        expected = counted(asked._replace(by=question["by"]))
    assert _some(rows) == _some(expected), (definition.name, question)


def _was_there(naive: Naive, cluster: str) -> bool:
    """Whether a cluster is known to have been there on a day: both engines refuse any other."""
    begun = naive.last("cluster.registered", cluster=cluster)
    return begun is not None and not naive.closed(cluster, begun.day())


def _some(rows: Cells) -> Cells:
    return {key: numbers for key, numbers in rows.items() if any(numbers)}


def test_two_engines_and_a_naive_count_agree_on_every_figure(
    fresh_database: FreshDatabase,
) -> None:
    _compare(fresh_database)


def test_control_a_count_that_forgets_mergers_is_told_apart(
    fresh_database: FreshDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Naive, "_identity", lambda _, who, __: who)
    with pytest.raises(AssertionError):
        _compare(fresh_database, derandomize=True, database=None)


def test_one_history_with_every_type_of_fact_is_counted_alike_three_times(
    fresh_database: FreshDatabase,
) -> None:
    """No chance and no refusal: each fact of the script is recorded, at each quarter of it
    every figure is asked for, and in the end by every dimension too."""
    with told(fresh_database, script) as past:
        assert {json.loads(leaf)["type"] for leaf in past.leaves} == set(FACTS)
        assert differences(past.conn, past.duck) == {}
        head = len(past.leaves)
        for position in range(head // 4, head, head // 4):
            known = Known(past.leaves[:position])
            for definition in CATALOGUE.values():
                asked = Drawing(None, SCRIPTED_UNTIL, 0, 0, "lead", None).of_figure(definition)
                _agree(past, known.by(definition), definition, asked | {"known_at": position})
            _tell_alike(past, None, SCRIPTED_UNTIL, position)
        _tell_alike(past, None, SCRIPTED_UNTIL, head)
        known, middle = Known(past.leaves), date(2020, 5, 1)
        for definition in CATALOGUE.values():
            for table in range(len(definition.dimensions) + 1):
                drawn = Drawing(middle, SCRIPTED_UNTIL, table, table, "participating", None)
                asked = drawn.of_figure(definition) | {"known_at": head}
                _agree(past, known.by(definition), definition, asked)


def test_a_random_programme_may_tell_every_type_of_fact() -> None:
    assert {f"{what}.v1" for what in (*WHATS, "fact.voided")} == set(FACTS)
