"""One cell of a figure's table, or the whole: what the SQL of the drill-down is asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Final, NamedTuple

from projections.figures.asking import TIMES, WHOLE, Question, Stretch, clusters, stretches
from projections.figures.compute import CODES, UNKNOWN, compute
from projections.figures.engines import Engine
from projections.figures.refusals import UnknownRow

_NAMED_MAX: Final = 50
"""How many keys a refusal names at most."""


class Cell(NamedTuple):
    """The days of a cell, and what the SQL takes: `key` is a class there, or '' for all."""

    last_day: date
    parameters: dict[str, Any]


def cell(engine: Engine, question: Question, key: str | None) -> Cell:
    """A row of the table that the question asks for `by`; without both, the whole.

    A figure that is counted on a day has no days before it. Raises UnknownRow, which names rows
    there are, and what makes a table impossible (TooManyYears).
    """
    by, stretch, code = question.by, _days(question, question.whole), ""
    if by is None:
        if key is not None:
            raise _unknown(question, key, question.definition.dimensions)
    elif by in TIMES:
        of_key = {one.key: one for one in stretches(engine, question)}
        if key not in of_key:
            raise _unknown(question, key, of_key)
        stretch = _days(question, of_key[key])
    elif by == "cluster":
        known = [question.cluster] if question.cluster else clusters(engine, question.known_at)
        if key not in known:
            raise _unknown(question, key, known)
        question = question._replace(cluster=key)
    else:
        code = _class(engine, question, key)
    dimension = question.by if question.by and code else ""
    parameters = question.parameters([stretch], by=dimension) | {"key": code}
    return Cell(stretch.last_day, parameters)


def _days(question: Question, stretch: Stretch) -> Stretch:
    on_a_day = question.definition.when == "day" or question.of == "members"
    first_day = stretch.last_day if on_a_day else stretch.first_day
    return Stretch(WHOLE, stretch.key, first_day, stretch.last_day)


def _class(engine: Engine, question: Question, key: str | None) -> str:
    """Codes of a closed list are rows even where nothing is counted; others where something is."""
    closed = (*CODES.get(question.by or "", ()), UNKNOWN)
    if key in closed:
        return str(key)
    table = compute(
        engine,
        question.definition,
        period_from=question.period_from,
        period_to=question.period_to,
        known_at=question.known_at,
        by=question.by,
        view=question.view,
        cluster=question.cluster,
        of=question.of or None,
    )
    found = [row.key for row in table.rows or ()]
    if key is None or key not in found:
        raise _unknown(question, key, found)
    return key


def _unknown(question: Question, key: str | None, allowed: Iterable[str]) -> UnknownRow:
    return UnknownRow(
        key="(none given)" if key is None else key,
        figure=question.definition.id,
        by=question.by or "(no dimension)",
        allowed=list(allowed)[:_NAMED_MAX],
    )
