"""Two engines, the same questions: are the answers the same, to the byte?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import cycle, product
from typing import Final, NamedTuple

from projections.figures.asking import VIEWS, View, clusters
from projections.figures.catalogue import Definition
from projections.figures.compute import compute
from projections.figures.engines import Engine
from projections.figures.refusals import FigureRefusal


class Ask(NamedTuple):
    """One question to an engine."""

    definition: Definition
    period_from: date | None
    period_to: date
    known_at: int
    by: str | None = None
    view: View = "participating"
    cluster: str | None = None
    of: str | None = None

    def __str__(self) -> str:
        parts = [
            self.definition.name,
            f"{self.period_from or 'start'}..{self.period_to}",
            f"known at {self.known_at}",
            f"by {self.by} ({self.view})" if self.by else "",
            f"in {self.cluster} ({self.view})" if self.cluster else "",
            f"of {self.of}" if self.of else "",
        ]
        return ", ".join(filter(None, parts))

    def answer(self, engine: Engine) -> bytes:
        """The figure's canonical bytes, or the refusal's code and sentence."""
        try:
            figure = compute(
                engine,
                self.definition,
                period_from=self.period_from,
                period_to=self.period_to,
                known_at=self.known_at,
                by=self.by,
                view=self.view,
                cluster=self.cluster,
                of=self.of,
            )
        except FigureRefusal as refusal:
            return f"{refusal.code}: {refusal}".encode()
        return figure.canonical()


class Compared(NamedTuple):
    """A question and both answers to it."""

    ask: Ask
    one: bytes
    other: bytes

    @property
    def equal(self) -> bool:
        """Whether both engines gave the same bytes."""
        return self.one == self.other

    def __str__(self) -> str:
        return f"{self.ask}: {self.one.decode()} is not {self.other.decode()}"


Period = tuple[date | None, date]


def periods(begin: date, end: date, stretches: int) -> list[Period]:
    """The whole, every calendar year, and some stretches that begin and end in mid-month."""
    found: list[Period] = [(None, end)]
    found += [(date(y, 1, 1), date(y, 12, 31)) for y in range(begin.year, end.year + 1)]
    span = (end - begin).days
    for n in range(stretches):
        first = begin + timedelta(days=span * n // max(stretches, 1))
        # Of the golden ratio's lengths no two are alike: a few days, some months, several years.
        length = 1 + int(span * ((n + 1) * _GOLDEN % 1) ** 3)
        found.append((first, min(end, first + timedelta(days=length))))
    return found


_GOLDEN: Final = 0.6180339887


def positions(head: int, count: int) -> list[int]:
    """The head, and others at even distances before it."""
    return sorted({head * n // count for n in range(1, count + 1)})


def asks(
    engine: Engine,
    definitions: Iterable[Definition],
    spans: Sequence[Period],
    known: Sequence[int],
) -> Iterator[Ask]:
    """Every definition in every period at every position, the value alone and one of its tables.

    Tables take turns, and so do clusters and what a share is of, so that over periods and positions
    each is asked.
    """
    codes = cycle(clusters(engine, known[-1]) or [None])
    for definition in definitions:
        tables = cycle(_tables(definition))
        subjects = cycle(definition.of or [None])
        for (period_from, period_to), known_at in product(spans, known):
            ask = Ask(definition, period_from, period_to, known_at)
            yield ask
            by, view = next(tables)
            yield ask._replace(
                by=by, view=view, cluster=None if by else next(codes), of=next(subjects)
            )


def _tables(definition: Definition) -> list[tuple[str | None, View]]:
    """Every dimension, the one by cluster in both views; and a single cluster in both views."""
    tables: list[tuple[str | None, View]] = [(by, VIEWS[0]) for by in definition.dimensions]
    if "cluster" in definition.dimensions:
        tables += [("cluster", VIEWS[1])]
    return [*tables, *((None, view) for view in VIEWS)]


def compared(one: Engine, other: Engine, questions: Iterable[Ask]) -> Iterator[Compared]:
    """Both answers to each question, as they come."""
    for ask in questions:
        yield Compared(ask, ask.answer(one), ask.answer(other))
