"""Many questions asked as one statement: the same cells as asked one by one, and fewer readings."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from datetime import date
from itertools import product
from threading import Event
from typing import Any

import psycopg
import pytest

from projections.figures.asking import VIEWS, checked
from projections.figures.catalogue import EVERY, Definition
from projections.figures.compute import statements
from projections.figures.engines import PostgresEngine
from projections.figures.together import _READING, Statement, Together
from projections.reports.catalogue import REPORTS, report_of
from projections.reports.compute import compute_report
from projections.reports.model import Report
from tests.figures.history import History, uid
from tests.reports.programme import joint_programme

COUNTED = [name for name in REPORTS if name not in {"complete", "late_voided_backdated"}]


class Alone:
    """An engine that no report asks more than one question at a time."""

    def __init__(self, engine: PostgresEngine) -> None:
        self.origin, self.rows = engine.origin, engine.rows


def eventful(past: History) -> int:
    """A history in which organisations move, merge, are twins and have several classes."""
    joint_programme(past)
    past.company("d", "e")
    past.member("d", "wood", "2017-03-01", "2018-03-31")
    past.member("d", "food", "2018-07-01")
    past.came("talk", ["anna", "dora"], "d")
    past.came("talk", ["emil", "zoe"])
    key = {"organisation_id": uid("d")}
    past.post("organisation.merged", **key, into=uid("b"), effective_on="2018-08-01")
    past.post(
        "organisation.reclassified",
        organisation_id=uid("a"),
        scheme="size_class",
        code="small",
        effective_on="2018-03-01",
    )
    past.post("person.marked_duplicate", person_ref=uid("dora"), of=uid("anna"))
    past.post("organisation.marked_duplicate", organisation_id=uid("e"), of=uid("a"), reason="same")
    past.member("e", "wood", "2018-02-01")
    past.project_all()
    return past.head


def made(engine: Any, report: str, known_at: int, since: date | None) -> Report:
    return compute_report(
        engine,
        report_of(report),
        period_from=since,
        period_to=date(2018, 12, 31),
        known_at=known_at,
        parameters={},
    )


@pytest.mark.parametrize("name", COUNTED)
def test_a_report_asked_together_has_the_bytes_of_one_asked_question_by_question(
    past: History, name: str
) -> None:
    head = eventful(past)
    for since, known_at in product((None, date(2017, 5, 1)), (head, head - 3)):
        alone = made(Alone(past.engine), name, known_at, since)
        assert made(past.engine, name, known_at, since).canonical() == alone.canonical()


def test_every_version_by_every_dimension_is_the_same_asked_together(past: History) -> None:
    head = eventful(past)
    asked: list[Statement] = []
    for definition, view in product(EVERY.values(), VIEWS):
        for by, of in product((None, *definition.dimensions), definition.of or (None,)):
            question = checked(
                past.engine,
                definition,
                period_from=date(2016, 3, 1),
                period_to=date(2018, 12, 31),
                known_at=head,
                by=by,
                view=view,
                cluster=None,
                of=of,
            )
            asked += statements(past.engine, question)
    together = Together(past.conn)
    together.announce(asked)
    for one in asked:
        assert together.answers.get(one.key) is not None, "it was asked before it is asked for"
        rows = together.rows(one.definition.sql, one.parameters)
        alone = past.engine.rows(one.definition.sql, one.parameters)
        assert sorted(rows) == sorted(alone), one.definition.name


def test_a_whole_report_takes_few_statements(past: History, asked: list[Any]) -> None:
    """One for each way of reading the attendances and one without them, one for who the clusters
    are, and one for their first day; one by one it would be a hundred."""
    made(past.engine, "complete", eventful(past), None)
    assert 4 <= len(asked) <= 7


def test_what_does_not_differ_by_view_or_days_is_found_once_in_a_report(
    past: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    answered = PostgresEngine.rows

    def rows(engine: PostgresEngine, sql: str, parameters: Mapping[str, Any]) -> Any:
        asked.append(sql)
        return answered(engine, sql, parameters)

    monkeypatch.setattr(PostgresEngine, "rows", rows)
    made(past.engine, "complete", eventful(past), None)
    beginning = re.compile(
        r"^(?:WITH (?:RECURSIVE )?)?(\w+) AS (?:MATERIALIZED )?\($", re.MULTILINE
    )
    found = Counter(beginning.findall("\n".join(asked)))
    assert found["named"] == 1
    assert found["attended_since"] == len(VIEWS), "once for the programme, and once by cluster"


@pytest.mark.parametrize("definition", EVERY.values(), ids=EVERY)
def test_a_figure_reads_attendances_in_one_way(definition: Definition) -> None:
    """Else it would stand in one statement, and others would find again what it needs besides."""
    ways = [way for way in _READING if not definition.needed.keys().isdisjoint(way)]
    reads = any("models.attendance" in text for text in definition.needed.values())
    assert len(ways) == reads


def test_a_report_is_made_alone_where_the_server_has_no_more_connections(
    past: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = eventful(past)
    whole = made(past.engine, "complete", head, None)

    def refused(*_: Any, **__: Any) -> None:
        raise psycopg.OperationalError("too many clients already")

    monkeypatch.setattr(psycopg.Connection, "connect", refused)
    assert made(past.engine, "complete", head, None).canonical() == whole.canonical()


def test_what_goes_wrong_on_the_second_connection_is_not_lost(past: History) -> None:
    begun = Event()

    def first(conn: psycopg.Connection[Any]) -> None:
        assert begun.wait(10)

    def second(conn: psycopg.Connection[Any]) -> None:
        begun.set()
        conn.execute("SELECT 1 / 0")

    with pytest.raises(psycopg.errors.DivisionByZero):
        Together(past.conn).announce_all([], beside=[first, second])
