"""compute_report(definition, period, known_at, parameters) -> Report: the same bytes for ever.

A report is a pure function of the ledger's origin, the position, the period, the parameters and the
definitions; whatever computes figures (an Engine) can make it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from projections.figures.asking import checked
from projections.figures.catalogue import CATALOGUE, Definition, Text
from projections.figures.compute import Figure, Row, compute, statements
from projections.figures.engines import Engine, PostgresEngine
from projections.figures.refusals import PeriodReversed
from projections.figures.together import Remembering, Statement, Together
from projections.reports.catalogue import ColumnOf, ReportOf, TableOf, tables_of
from projections.reports.model import Cell, Column, Report, Span, Table, Used, narrowing
from projections.reports.trailing import Cut, content_of, works

_ONE_DAY: Final = timedelta(days=1)
_MONEY: Final = ("grant_cents", "volume_cents")

KEYS: Final[Mapping[str, Text]] = {
    "year": Text("Jahr", "Year"),
    "quarter": Text("Quartal", "Quarter"),
    "joined": Text("Beigetreten", "Joined"),
    "cluster": Text("Cluster", "Cluster"),
    "kind": Text("Art der Organisation", "Kind of organisation"),
    "size_class": Text("Größenklasse", "Size class"),
    "spatial": Text("Raum", "Area"),
    "nuts2": Text("NUTS 2", "NUTS 2"),
    "nuts3": Text("NUTS 3", "NUTS 3"),
    "activity_nuts2": Text("NUTS 2 des Ortes", "NUTS 2 of the venue"),
    "activity_nuts3": Text("NUTS 3 des Ortes", "NUTS 3 of the venue"),
    "activity_kind": Text("Art der Veranstaltung", "Kind of activity"),
    "mode": Text("Form", "Mode"),
}
"""What the first column of a table by a dimension is called."""

PARTS: Final[Mapping[str, Text]] = {
    "numerator": Text("Zähler", "numerator"),
    "denominator": Text("Nenner", "denominator"),
    "unknown": Text("unbekannt", "unknown"),
    "approved": Text("bewilligt", "approved"),
    "started": Text("begonnen", "started"),
}


class Asked(Struct, frozen=True, kw_only=True):
    """What a report is asked for, besides which. `figures` are the definitions that count, by id:
    those in force, or those an earlier filing names."""

    period_from: date | None
    period_to: date
    known_at: int
    parameters: Mapping[str, str]
    figures: Mapping[str, Definition] = CATALOGUE


def compute_report(
    engine: Engine,
    definition: ReportOf,
    *,
    period_from: date | None,
    period_to: date,
    known_at: int,
    parameters: Mapping[str, str],
    figures: Mapping[str, Definition] = CATALOGUE,
) -> Report:
    """A report over a period (both days inclusive) as known at a position.

    `period_from` None: from the programme's start, without a lower bound. Raises a FigureRefusal.
    That `known_at` is not beyond the read models is the caller's to see to.
    """
    making = Making(
        engine,
        Asked(
            period_from=period_from,
            period_to=period_to,
            known_at=known_at,
            parameters=parameters,
            figures=figures,
        ),
    )
    return making.report(definition)


class Series(Struct, frozen=True):
    """One column's cells: by row key, the total, and by cluster what makes the sum of the rows the
    total."""

    rows: Mapping[str, int]
    total: int
    adjustment: int | None = None


class Question(Struct, frozen=True):
    """What is asked of one figure, apart from its definition's version and the position."""

    figure: str
    by: str | None
    view: str
    period_from: date | None
    period_to: date
    parameters: tuple[tuple[str, str], ...]

    def answer(self, engine: Engine, definition: Definition, known_at: int) -> Figure:
        """The figure. Raises a FigureRefusal."""
        return compute(engine, definition, known_at=known_at, **self._given)

    def statements(
        self, engine: Engine, definition: Definition, known_at: int
    ) -> Iterator[Statement]:
        """What the answer asks of the engine. Raises a FigureRefusal."""
        given = {"cluster": None, "of": None} | self._given
        return statements(engine, checked(engine, definition, known_at=known_at, **given))

    @property
    def _given(self) -> dict[str, Any]:
        return {
            "period_from": self.period_from,
            "period_to": self.period_to,
            "by": self.by,
            "view": self.view,
            **dict(self.parameters),
        }


def asked_together(engine: Engine, questions: Iterable[tuple[Question, Definition, int]]) -> Engine:
    """An engine that has the answers to all questions: each with its definition and position.

    The second engine is asked one question after the other: that it finds the same is the proof.
    Raises a FigureRefusal.
    """
    if isinstance(engine, PostgresEngine):
        engine = Together(engine.conn)
    if not isinstance(engine, Together):
        return engine if isinstance(engine, Remembering) else Remembering(engine)
    engine.announce(
        statement
        for question, definition, known_at in questions
        for statement in question.statements(engine, definition, known_at)
    )
    return engine


class Making:
    """One report in the making: a figure that stands in several tables is computed once."""

    def __init__(self, engine: Engine, asked: Asked) -> None:
        self._engine = asked_together(engine, ())
        self._asked = asked
        self.answers: dict[Question, Figure] = {}

    @property
    def used(self) -> tuple[Used, ...]:
        """The definitions asked so far, by name."""
        found = {answer.definition: answer.sha256 for answer in self.answers.values()}
        return tuple(Used(name, found[name]) for name in sorted(found))

    def report(self, definition: ReportOf) -> Report:
        """The whole report. Raises a FigureRefusal."""
        asked = self._asked
        if asked.period_from is not None and asked.period_to < asked.period_from:
            raise PeriodReversed(period_from=asked.period_from, period_to=asked.period_to)
        definition.check(asked.parameters)
        if isinstance(self._engine, Together):
            self._count(self._engine, definition)
        tables = tuple(self.table(table) for table in tables_of(definition))
        return Report(
            report=definition.name,
            title=definition.title,
            meaning=definition.meaning,
            origin=self._engine.origin,
            period=Span(from_=asked.period_from, to=asked.period_to),
            known_at=asked.known_at,
            parameters=dict(asked.parameters),
            definitions=self.used,
            tables=tables,
        )

    def _count(self, engine: Together, definition: ReportOf) -> None:
        """Find out beforehand, together, what the tables are made of."""
        asked = self._asked
        statements = (
            statement
            for question in questions_of(definition, asked)
            for statement in question.statements(
                engine, asked.figures[question.figure], asked.known_at
            )
        )
        listed = any(table.source for table in tables_of(definition))
        beside = works(engine.answers, self._cut) if listed else ()
        engine.announce_all(statements, beside=beside)

    @property
    def _cut(self) -> Cut:
        return Cut(self._asked.period_from, self._asked.period_to, self._asked.known_at)

    def table(self, table: TableOf) -> Table:
        """One table."""
        if table.source is not None:
            return self._of_facts(table, table.source)
        columns = [_column(column, self._asked.figures) for column in table.columns]
        series: dict[str, Series] = {}
        for spec, column in zip(table.columns, columns, strict=True):
            series[column.id] = _summed(spec.sum, series) if spec.sum else self._series(table, spec)
        return _assembled(table, columns, series)

    def _of_facts(self, table: TableOf, source: str) -> Table:
        content = content_of(self._engine, source, self._cut)
        return Table(
            id=table.id,
            title=table.title,
            columns=content.columns,
            rows=content.rows,
            note=table.note,
        )

    def _series(self, table: TableOf, column: ColumnOf) -> Series:
        answer = self._answer(of_period(table, column, self._asked))
        rows = {row.key: _part(row, column.part) for row in answer.rows or ()}
        total = _part(answer, column.part)
        if column.when == "before":
            return self._opening(table, column, rows)
        adjustment = total - sum(rows.values()) if table.by == "cluster" else None
        return Series(rows, total, adjustment)

    def _opening(self, table: TableOf, column: ColumnOf, closing: Mapping[str, int]) -> Series:
        """A balance before the period; a year opens with what the year before closed with."""
        question = of_day_before(table, column, self._asked)
        total = 0 if question is None else _part(self._answer(question), column.part)
        return Series(dict(zip(closing, [total, *closing.values()], strict=False)), total)

    def _answer(self, question: Question) -> Figure:
        if question not in self.answers:
            definition = self._asked.figures[question.figure]
            known_at = self._asked.known_at
            self.answers[question] = question.answer(self._engine, definition, known_at)
        return self.answers[question]


def of_period(table: TableOf, column: ColumnOf, asked: Asked) -> Question:
    """What a column asks of its figure."""
    assert column.figure is not None
    parameters = tuple(sorted({**narrowing(asked.parameters), **column.asked}.items()))
    return Question(
        column.figure, table.by, table.view, asked.period_from, asked.period_to, parameters
    )


def of_day_before(table: TableOf, column: ColumnOf, asked: Asked) -> Question | None:
    """What an opening balance asks besides; None where nothing was before."""
    if column.when == "period" or asked.period_from is None:
        return None
    whole = replace(of_period(table, column, asked), by=None)
    return replace(whole, period_from=None, period_to=asked.period_from - _ONE_DAY)


def questions_of(definition: ReportOf, asked: Asked) -> tuple[Question, ...]:
    """Everything a report asks of figures, each question once."""
    columns = [
        (table, column)
        for table in tables_of(definition)
        for column in table.columns
        if column.figure is not None
    ]
    found = [
        question
        for table, column in columns
        for question in (of_period(table, column, asked), of_day_before(table, column, asked))
    ]
    return tuple(dict.fromkeys(question for question in found if question is not None))


def _part(answer: Figure | Row, part: str) -> int:
    number: int = getattr(answer, part)
    return number


def _summed(terms: Sequence[str], series: Mapping[str, Series]) -> Series:
    """A column that is made of columns before it."""
    signed = [(-1 if term[0] == "-" else 1, series[term[1:]]) for term in terms]
    keys = dict.fromkeys(key for _, one in signed for key in one.rows)
    return Series(
        {key: sum(sign * one.rows.get(key, 0) for sign, one in signed) for key in keys},
        sum(sign * one.total for sign, one in signed),
    )


def _column(column: ColumnOf, figures: Mapping[str, Definition]) -> Column:
    if column.figure is None:
        assert column.id is not None
        assert column.title is not None
        return Column(id=column.id, title=column.title, kind="count")
    definition = figures[column.figure]
    plain = column.part == "value"
    part = None if plain else PARTS[column.part]
    title = column.title or (
        Text(f"{definition.title.de}: {part.de}", f"{definition.title.en}: {part.en}")
        if part
        else definition.title
    )
    return Column(
        id=column.id or (definition.id if plain else f"{definition.id}.{column.part}"),
        title=title,
        kind="cents" if definition.id in _MONEY else "count",
        definition=definition.name,
    )


def _assembled(table: TableOf, columns: Sequence[Column], series: Mapping[str, Series]) -> Table:
    """The columns side by side: a row for each key that one of them has, in order of keys."""
    every = [series[column.id] for column in columns]
    totals: tuple[Cell, ...] = tuple(one.total for one in every)
    if table.by is None:
        given: dict[str, object] = {"columns": tuple(columns), "rows": (totals,)}
    else:
        keys = sorted({key for one in every for key in one.rows})
        adjustments = tuple(one.adjustment for one in every)
        given = {
            "columns": (Column(id=table.by, title=KEYS[table.by], kind="key"), *columns),
            "rows": tuple((key, *(one.rows.get(key, 0) for one in every)) for key in keys),
            "total": (None, *totals),
            "adjustment": (None, *adjustments) if table.by == "cluster" else None,
        }
    return Table(id=table.id, title=table.title, note=table.note, chart=table.chart, **given)  # type: ignore[arg-type]  # the fields of a table
