"""compute(definition, period, known_at, parameters) -> figure: the same answer for ever.

Everything below the given position is immutable, so a figure is a pure function of its parameters,
and its canonical bytes have a digest that anyone can compute again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any, Final, get_args

import msgspec

from ledger.domain.vocabulary import (
    ActivityKind,
    Mode,
    OrganisationKind,
    SizeClass,
    Spatial,
)
from projections.figures.asking import (
    TIMES,
    Question,
    Stretch,
    View,
    checked,
    clusters,
    stretches,
)
from projections.figures.catalogue import NUMBERS, Definition
from projections.figures.engines import Engine
from projections.figures.together import Statement, Together

UNKNOWN: Final = "unknown"
"""The key of what has no known class."""

CODES: Final[Mapping[str, tuple[str, ...]]] = {
    "kind": get_args(OrganisationKind),
    "size_class": get_args(SizeClass),
    "spatial": get_args(Spatial),
    "activity_kind": get_args(ActivityKind),
    "mode": get_args(Mode),
}
"""The dimensions whose codes are a closed list."""


class Period(
    msgspec.Struct, frozen=True, kw_only=True, rename={"from_day": "from", "to_day": "to"}
):
    """Both days inclusive; `from` null: cumulative, from the programme's start without a lower
    bound."""

    from_day: date | None
    to_day: date


class Numbers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`value` of a count; `numerator`, `denominator` (the known) and `unknown` of a share;
    `approved` and `started` of money, in euro cents. Only those of the figure's measure are
    there."""

    value: int | None = None
    numerator: int | None = None
    denominator: int | None = None
    unknown: int | None = None
    approved: int | None = None
    started: int | None = None

    @property
    def count(self) -> int:
        """The value of a count; LookupError for a figure of another measure."""
        if self.value is None:
            raise LookupError("not a count")
        return self.value


class Row(Numbers, frozen=True, kw_only=True):
    """One row of a table: a year (`2024`), a quarter (`2024-Q1`), a cluster's code or a class
    (`unknown` where it is not known), and the figure's numbers there."""

    key: str


class Parameters(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What else was asked. `view` is named wherever clusters are told apart, `of` with shares."""

    by: str | None = None
    view: View | None = None
    cluster: str | None = None
    of: str | None = None


class Figure(Numbers, frozen=True, kw_only=True, omit_defaults=True):
    """A figure with its manifest. `origin` is the ledger's, `definition` is id@version, `sha256`
    the digest of the definition's texts.

    `rows` are there with a dimension, sorted by key; clusters, stretches and codes of a closed list
    are all there, zeros included. `joint_adjustment` is there by cluster: rows and adjustment add
    up to the whole numbers (with one number, it is that one).
    """

    origin: str
    definition: str
    sha256: str
    period: Period
    known_at: int
    parameters: Parameters
    rows: tuple[Row, ...] | None = None
    joint_adjustment: int | Numbers | None = None

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
    of: str | None = None,
) -> Figure:
    """A figure in a period (both days inclusive), or on its last day, as known at a position.

    `period_from` None counts from the programme's start. `by` adds a table by one of the
    definition's dimensions; years and quarters count on their own days, with the classes of their
    own last day. `cluster` restricts everything to one cluster. `of` says what a share is of.
    Raises a FigureRefusal. That `known_at` is not beyond the read models is the caller's to see to.
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
        of=of,
    )
    if isinstance(engine, Together):
        engine.announce(statements(engine, question))
    names = NUMBERS[definition.measure]
    whole = _sum(names, _cells(engine, question, [question.whole]).values())
    cells = _table(engine, question) if by is not None else None
    return Figure(
        origin=engine.origin,
        definition=definition.name,
        sha256=definition.sha256,
        period=Period(from_day=period_from, to_day=period_to),
        known_at=known_at,
        parameters=Parameters(
            by=by,
            view=question.view if by == "cluster" or cluster else None,
            cluster=cluster,
            of=question.of or None,
        ),
        **_named(names, whole),
        rows=None if cells is None else _rows(names, cells),
        joint_adjustment=_adjustment(names, whole, cells)
        if cells is not None and by == "cluster"
        else None,
    )


def statements(engine: Engine, question: Question) -> Iterator[Statement]:
    """The statements that compute() runs for a question: whoever has many can ask them together."""
    yield _statement(question, [question.whole])
    if question.by in TIMES:
        if parts := stretches(engine, question):
            yield _statement(question, parts)
    elif question.by is not None:
        yield _statement(question, [question.whole], by=question.by)


def _statement(question: Question, parts: Sequence[Stretch], *, by: str = "") -> Statement:
    return Statement(question.definition, question.parameters(parts, by=by))


Cell = tuple[int, ...]
"""The measure's numbers in one place."""


def _cells(
    engine: Engine, question: Question, stretches_: Sequence[Stretch], *, by: str = ""
) -> dict[tuple[int, str], Cell]:
    """Numbers by stretch and key; what is missing is 0."""
    asked = _statement(question, stretches_, by=by)
    rows = engine.rows(asked.definition.sql, asked.parameters)
    return {(bucket, key): tuple(numbers) for bucket, key, *numbers in rows}


def _table(engine: Engine, question: Question) -> dict[str, Cell]:
    """The cells of the table asked for, by key."""
    nothing = (0,) * len(NUMBERS[question.definition.measure])
    assert question.by is not None
    if question.by in TIMES:
        parts = stretches(engine, question)
        cells = _cells(engine, question, parts) if parts else {}
        of_stretch = {number: cell for (number, _), cell in cells.items()}
        return {part.key: of_stretch.get(part.number, nothing) for part in parts}
    cells = _cells(engine, question, [question.whole], by=question.by)
    counted = {key: cell for (_, key), cell in cells.items() if any(cell)}
    return dict.fromkeys(_expected(engine, question), nothing) | counted


def _expected(engine: Engine, question: Question) -> Iterable[str]:
    """Keys that have a row even if nothing is counted there: every cluster with a day in the
    period, every code of a closed list, and what is unknown, where that can be."""
    if question.by == "joined":
        return ()
    if question.by != "cluster":
        return (*CODES.get(question.by or "", ()), UNKNOWN)
    if question.cluster:
        return (question.cluster,)
    whole = question.whole
    return clusters(engine, question.known_at, whole.first_day, whole.last_day)


def _sum(names: Sequence[str], cells: Iterable[Cell]) -> Cell:
    return tuple(map(sum, zip((0,) * len(names), *cells, strict=True)))


def _named(names: Sequence[str], cell: Cell) -> dict[str, Any]:
    return dict(zip(names, cell, strict=True))


def _rows(names: Sequence[str], cells: Mapping[str, Cell]) -> tuple[Row, ...]:
    return tuple(Row(key=key, **_named(names, cell)) for key, cell in sorted(cells.items()))


def _adjustment(names: Sequence[str], whole: Cell, cells: Mapping[str, Cell]) -> int | Numbers:
    """The whole minus the sum of its rows."""
    over = [w - c for w, c in zip(whole, _sum(names, cells.values()), strict=True)]
    return over[0] if len(names) == 1 else Numbers(**_named(names, tuple(over)))
