"""The restatement of a filed report, or of one figure, with the facts that made it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from psycopg import Connection

from ledger.store.codec import decode_leaf
from projections.figures.catalogue import CATALOGUE, Definition
from projections.figures.engines import PostgresEngine
from projections.figures.together import Tell, Together, silent
from projections.reports.catalogue import report_of
from projections.reports.compute import Question, questions_of
from projections.reports.filing import Filed
from projections.reports.model import Span, narrowing
from projections.reports.refusals import ReportsNotComparable
from projections.reports.restatement import (
    EVALUATIONS_MAX,
    Difference,
    Moved,
    Run,
    Step,
    Subject,
    Version,
    restate,
)
from projections.views.lateness import closings, late


class Line(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One fact, who recorded it, why, and what it moved. `late` are the closings it came after."""

    position: int
    type: str
    actor: str
    recorded_at: str
    reason: str | None = None
    late: tuple[int, ...] = ()
    moved: tuple[Moved, ...]


class End(Struct, frozen=True):
    """One end of a restatement: a filing, or, without one, a position."""

    filed: int | None
    report: str | None
    known_at: int


class Restatement(Struct, frozen=True, kw_only=True):
    """What differs between two ends, and why. For each cell, `versions`, `facts` and `runs` add up
    to its difference. `only_before`, `only_after`: figures that one end alone asks."""

    before: End
    after: End
    period: Span
    parameters: dict[str, str]
    differences: tuple[Difference, ...]
    versions: tuple[Version, ...]
    facts: tuple[Line, ...]
    runs: tuple[Run, ...]
    only_before: tuple[str, ...] = ()
    only_after: tuple[str, ...] = ()


def of_filings(
    engine: PostgresEngine | Together,
    before: Filed,
    after: Filed | None,
    *,
    known_at: int,
    evaluations: int = EVALUATIONS_MAX,
    tell: Tell = silent,
) -> Restatement:
    """From one filing to another of the same report, or (None) to the report in force at a
    position. Raises ReportsNotComparable, or another FigureRefusal."""
    _comparable(before, after, known_at)
    old = before.asked
    new = replace(old, known_at=known_at, figures=CATALOGUE) if after is None else after.asked
    report = before.report.partition("@")[0] if after is None else after.report
    asked_before = questions_of(report_of(before.report), old)
    asked_after = questions_of(report_of(report), new)
    subjects = [
        Subject(question, old.figures[question.figure], new.figures[question.figure])
        for question in asked_after
        if question in asked_before
    ]
    restated = restate(
        engine,
        subjects,
        after=old.known_at,
        upto=new.known_at,
        evaluations=evaluations,
        tell=tell,
    )
    return Restatement(
        before=End(before.position, before.report, old.known_at),
        after=End(after.position if after else None, report_of(report).name, new.known_at),
        period=before.period,
        parameters=narrowing(before.parameters),
        differences=restated.differences,
        versions=restated.versions,
        facts=lines(engine.conn, restated.steps, new.known_at),
        runs=restated.runs,
        only_before=_names(q for q in asked_before if q not in asked_after),
        only_after=_names(q for q in asked_after if q not in asked_before),
    )


def of_figure(
    engine: PostgresEngine | Together,
    definition: Definition,
    question: Question,
    *,
    since: int,
    known_at: int,
    evaluations: int = EVALUATIONS_MAX,
) -> Restatement:
    """What moved one figure between two positions. Raises a FigureRefusal."""
    if since > known_at:
        raise ReportsNotComparable(difference="The order of the positions")
    subject = Subject(question, definition, definition)
    restated = restate(engine, [subject], after=since, upto=known_at, evaluations=evaluations)
    return Restatement(
        before=End(None, None, since),
        after=End(None, None, known_at),
        period=Span(from_=question.period_from, to=question.period_to),
        parameters=dict(question.parameters),
        differences=restated.differences,
        versions=restated.versions,
        facts=lines(engine.conn, restated.steps, known_at),
        runs=restated.runs,
    )


def lines(conn: Connection[Any], steps: Sequence[Step], upto: int) -> tuple[Line, ...]:
    """Each step with its fact."""
    rows = conn.execute(
        "SELECT state FROM ledger.facts WHERE notification_id = ANY(%s) ORDER BY notification_id",
        ([step.position for step in steps],),
        binary=True,
    ).fetchall()
    entries = [decode_leaf(bytes(state)) for (state,) in rows]
    after_closings = late(conn, entries, closings(conn, upto))
    return tuple(
        Line(
            position=entry.position,
            type=entry.fact.topic,
            actor=entry.actor,
            recorded_at=entry.recorded_at,
            reason=getattr(entry.fact, "reason", None),
            late=after_closings.get(entry.position, ()),
            moved=step.moved,
        )
        for entry, step in zip(entries, steps, strict=True)
    )


def _comparable(before: Filed, after: Filed | None, known_at: int) -> None:
    later = known_at if after is None else after.known_at
    if later < before.known_at:
        raise ReportsNotComparable(difference="The order")
    if after is None:
        return
    if before.report.partition("@")[0] != after.report.partition("@")[0]:
        raise ReportsNotComparable(difference="The report")
    if before.period != after.period:
        raise ReportsNotComparable(difference="The period")
    if narrowing(before.parameters) != narrowing(after.parameters):
        raise ReportsNotComparable(difference="A parameter")


def _names(questions: Iterator[Question]) -> tuple[str, ...]:
    return tuple(sorted({question.figure for question in questions}))
