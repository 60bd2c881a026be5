"""compute(definition, period, known_at, parameters) -> figure: the same answer for ever.

Everything below the given position is immutable, so a figure is a pure function of its parameters,
and its canonical bytes have a digest that anyone can compute again.
"""

from __future__ import annotations

from datetime import date
from hashlib import sha256

import msgspec

from projections.figures.asking import (
    WHOLE,
    By,
    Question,
    Stretch,
    View,
    checked,
    clusters,
    years,
)
from projections.figures.catalogue import Definition
from projections.figures.engines import Engine


class Period(
    msgspec.Struct, frozen=True, kw_only=True, rename={"from_day": "from", "to_day": "to"}
):
    """Both days inclusive; `from` null: cumulative, from the programme's start without a lower
    bound."""

    from_day: date | None
    to_day: date


class Row(msgspec.Struct, frozen=True):
    """One row of a table: a year (`2024`) or a cluster's code, and the figure's value there."""

    key: str
    value: int


class Parameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What else was asked. `view` is named wherever clusters are told apart."""

    by: By | None = None
    view: View | None = None
    cluster: str | None = None


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A figure with its manifest. `origin` is the ledger's, `definition` is id@version, `sha256`
    the digest of the definition's texts.

    `rows` are there with a dimension, sorted by key, zeros included; `joint_adjustment` by cluster
    only: rows and adjustment add up to the value, so it is negative or 0.
    """

    origin: str
    definition: str
    sha256: str
    period: Period
    known_at: int
    parameters: Parameters
    value: int
    rows: tuple[Row, ...] | None = None
    joint_adjustment: int | None = None

    def canonical(self) -> bytes:
        """RFC 8785 JSON: keys sorted, no white space, integers only; what is left out is absent."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, in hexadecimal."""
        return sha256(self.canonical()).hexdigest()


def compute(  # noqa: PLR0913 - a question has this many parts
    engine: Engine,
    definition: Definition,
    *,
    period_from: date | None,
    period_to: date,
    known_at: int,
    by: str | None = None,
    view: str = "participating",
    cluster: str | None = None,
) -> Figure:
    """A figure in a period (both days inclusive) as known at a position.

    `period_from` None counts from the programme's start. `by` adds a table: `year` (each year on
    its own days, with the classes of its own last day) or `cluster`. `cluster` restricts everything
    to one cluster. Raises a FigureRefusal. That `known_at` is not beyond the read models is the
    caller's to see to.
    """
    question = checked(
        engine,
        definition,
        period_from=period_from,
        period_to=period_to,
        known_at=known_at,
        by=by,
        view=view,
        cluster=cluster,
    )
    value = sum(_cells(engine, question, [question.whole], by_cluster=False).values())
    rows: tuple[Row, ...] | None = None
    adjustment: int | None = None
    if by == "year":
        rows = _by_year(engine, question)
    elif by == "cluster":
        rows = _by_cluster(engine, question)
        adjustment = value - sum(row.value for row in rows)
    return Figure(
        origin=engine.origin,
        definition=definition.name,
        sha256=definition.sha256,
        period=Period(from_day=period_from, to_day=period_to),
        known_at=known_at,
        parameters=Parameters(
            by=question.by,
            view=question.view if by == "cluster" or cluster else None,
            cluster=cluster,
        ),
        value=value,
        rows=rows,
        joint_adjustment=adjustment,
    )


def _cells(
    engine: Engine,
    question: Question,
    stretches: list[Stretch],
    *,
    by_cluster: bool,
) -> dict[tuple[int, str], int]:
    """Values other than 0 by stretch and key."""
    parameters = question.parameters(stretches, by_cluster=by_cluster)
    rows = engine.rows(question.definition.sql, parameters)
    return {(bucket, key): value for bucket, key, value in rows}


def _by_year(engine: Engine, question: Question) -> tuple[Row, ...]:
    stretches = years(engine, question)
    cells = _cells(engine, question, stretches, by_cluster=False) if stretches else {}
    of_year = {number: value for (number, _), value in cells.items()}
    return tuple(Row(str(s.number), of_year.get(s.number, 0)) for s in stretches)


def _by_cluster(engine: Engine, question: Question) -> tuple[Row, ...]:
    """Every cluster with a day in the period has a row, and every one that counts something."""
    cells = _cells(engine, question, [question.whole], by_cluster=True)
    counted = {key: value for (number, key), value in cells.items() if number == WHOLE}
    whole = question.whole
    known = clusters(engine, question.known_at, whole.first_day, whole.last_day)
    codes = {question.cluster} if question.cluster else {*known, *counted}
    return tuple(Row(code, counted.get(code, 0)) for code in sorted(codes))
