"""The restatement: which figure moved by how much because of which fact.

A fact's move is the figure at its position minus the figure one before, so moves add up to the
difference exactly. A definition that changed is a line of its own: the new version's value minus
the old one's, both at the earlier position. What is not looked at one by one stands in a run with
its own net move, so nothing is left unsaid. See docs/adr/0010-restatement.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from projections.figures.catalogue import Definition
from projections.figures.compute import Figure
from projections.figures.engines import Engine
from projections.figures.together import Tell, silent
from projections.reports.candidates import Candidates
from projections.reports.compute import Question, asked_together
from projections.reports.model import Span

EVALUATIONS_MAX: Final = 400
"""Figures computed for one restatement, if nothing else is said."""

_PARTS: Final = ("value", "numerator", "denominator", "unknown", "approved", "started")


class Cell(Struct, frozen=True, order=True, omit_defaults=True):
    """One number: a figure over a period, its total (`key` '') or a row of its table `by`."""

    figure: str
    period: Span
    by: str | None = None
    view: str | None = None
    key: str = ""
    part: str = "value"
    parameters: dict[str, str] = {}


class Moved(Struct, frozen=True):
    """By how much a cell moved."""

    cell: Cell
    by: int


class Difference(Struct, frozen=True):
    """A cell before and after."""

    cell: Cell
    before: int
    after: int


class Version(Struct, frozen=True):
    """What another definition did to its figure, at the earlier position."""

    before: str
    after: str
    moved: tuple[Moved, ...]


class Step(Struct, frozen=True):
    """What one fact did."""

    position: int
    moved: tuple[Moved, ...]


class Run(Struct, frozen=True):
    """Facts not looked at one by one: those in (after, upto] that concern a figure, how many they
    are, and what they did together; nothing, where `moved` is empty."""

    figure: str
    after: int
    upto: int
    facts: int
    moved: tuple[Moved, ...]


class Restated(Struct, frozen=True):
    """The difference between two positions, and what makes it up."""

    differences: tuple[Difference, ...]
    versions: tuple[Version, ...]
    steps: tuple[Step, ...]
    runs: tuple[Run, ...]


class Subject(Struct, frozen=True):
    """One question with the definition it had, and the one it has."""

    question: Question
    before: Definition
    after: Definition


def restate(
    engine: Engine,
    subjects: Sequence[Subject],
    *,
    after: int,
    upto: int,
    evaluations: int = EVALUATIONS_MAX,
    tell: Tell = silent,
) -> Restated:
    """What moved the figures between two positions. Raises a FigureRefusal.

    First every run whose ends differ is halved down to single facts, then those whose ends agree,
    the shortest first, while `evaluations` last: +1 and -1 in one run are found too. Questions take
    turns, one evaluation each, so that all get their share; those of one turn are asked together.
    """
    engine = asked_together(
        engine,
        (
            end
            for one in subjects
            for end in (
                (one.question, one.before, after),
                (one.question, one.after, after),
                (one.question, one.after, upto),
            )
        ),
    )
    candidates = Candidates(engine, after, upto)
    searches = [_Search(engine, s, candidates, after, upto) for s in subjects]

    def left(count: int) -> None:
        tell(evaluations - count, evaluations)

    rest = _halved(engine, searches, evaluations, left, even=False)
    _halved(engine, sorted(searches, key=lambda one: one.facts), rest, left, even=True)
    return _together(searches)


def _halved(
    engine: Engine,
    searches: Sequence[_Search],
    evaluations: int,
    left: Callable[[int], None],
    *,
    even: bool,
) -> int:
    """Halve runs turn by turn while there are some, and evaluations; how many of these are left,
    which is told turn by turn."""
    while evaluations > 0:
        left(evaluations)
        turns = [(search, run) for search in searches if (run := search.next(even=even))]
        if not turns:
            break
        turns = turns[:evaluations]
        asked_together(engine, (search.asked(run) for search, run in turns))
        for search, run in turns:
            search.halve(run)
        evaluations -= len(turns)
    return evaluations


Vector = Mapping[tuple[str, str], int]
"""A figure's numbers by (key, part); what is absent is 0."""


def vector(figure: Figure) -> Vector:
    """All numbers of an answer."""
    numbers: dict[tuple[str, str], int] = {}
    for key, answer in [("", figure), *((row.key, row) for row in figure.rows or ())]:
        for part in _PARTS:
            number = getattr(answer, part, None)
            if number:
                numbers[key, part] = number
    return numbers


def _minus(after: Vector, before: Vector) -> dict[tuple[str, str], int]:
    moved = {at: after.get(at, 0) - before.get(at, 0) for at in {*after, *before}}
    return {at: by for at, by in sorted(moved.items()) if by}


_Stretch = tuple[int, int]
"""A run by the indices of its ends."""


class _Search:
    """One question between two positions. Index 0 is the earlier one, then come the candidates:
    from the last of them to the later position nothing moves, so it is asked there."""

    def __init__(
        self, engine: Engine, subject: Subject, candidates: Candidates, after: int, upto: int
    ) -> None:
        self.subject = subject
        self._engine = engine
        self._positions = [after, *candidates.of(subject.after, subject.question.period_to)]
        self._upto = upto
        self._known: dict[int, Vector] = {}
        self.first = self._at(0)
        self.filed = self.first
        if subject.before.name != subject.after.name:
            self.filed = vector(subject.question.answer(engine, subject.before, after))
        self.last = self._at(self.facts)
        self.steps: dict[int, Vector] = {}
        self._open: list[_Stretch] = []
        if self.facts:
            self._found((0, self.facts))

    @property
    def facts(self) -> int:
        """How many facts can have moved it."""
        return len(self._positions) - 1

    def _position(self, index: int) -> int:
        return self._upto if 0 < index == self.facts else self._positions[index]

    def _at(self, index: int) -> Vector:
        if index not in self._known:
            question, position = self.subject.question, self._position(index)
            answer = question.answer(self._engine, self.subject.after, position)
            self._known[index] = vector(answer)
        return self._known[index]

    def _moved(self, run: _Stretch) -> bool:
        return self._at(run[0]) != self._at(run[1])

    def _found(self, run: _Stretch) -> None:
        """A run to be looked at; a single fact is done with."""
        low, high = run
        if high - low > 1:
            self._open.append(run)
        elif self._moved(run):
            self.steps[self._positions[high]] = _minus(self._at(high), self._at(low))

    def next(self, *, even: bool) -> _Stretch | None:
        """The run to be halved next, the shortest first: one whose ends differ, or, with `even`,
        any."""
        runs = [run for run in self._open if even or self._moved(run)]
        return min(runs, key=lambda run: (not self._moved(run), run[1] - run[0]), default=None)

    def asked(self, run: _Stretch) -> tuple[Question, Definition, int]:
        """What halving a run asks."""
        return self.subject.question, self.subject.after, self._position(sum(run) // 2)

    def halve(self, run: _Stretch) -> None:
        """Look at both halves of a run."""
        middle = sum(run) // 2
        self._open.remove(run)
        for half in ((run[0], middle), (middle, run[1])):
            self._found(half)

    def runs(self) -> Iterable[tuple[int, int, int, Vector]]:
        """What is left unhalved: positions (after, upto], how many facts, and their net move."""
        for low, high in sorted(self._open):
            net = _minus(self._at(high), self._at(low))
            yield self._positions[low], self._positions[high], high - low, net

    def cells(self, moved: Vector) -> tuple[Moved, ...]:
        """Moves by cell."""
        return tuple(Moved(self.cell(*at), by) for at, by in moved.items())

    def cell(self, key: str, part: str) -> Cell:
        """The cell of a key and part."""
        asked = self.subject.question
        return Cell(
            asked.figure,
            Span(from_=asked.period_from, to=asked.period_to),
            asked.by,
            asked.view if asked.by == "cluster" else None,
            key,
            part,
            dict(asked.parameters),
        )


def _together(searches: Sequence[_Search]) -> Restated:
    differences: list[Difference] = []
    versions: list[Version] = []
    steps: defaultdict[int, list[Moved]] = defaultdict(list)
    runs: list[Run] = []
    for search in searches:
        for at in _minus(search.last, search.filed):
            before, after = search.filed.get(at, 0), search.last.get(at, 0)
            differences.append(Difference(search.cell(*at), before, after))
        if search.subject.before.name != search.subject.after.name:
            moved = search.cells(_minus(search.first, search.filed))
            versions.append(Version(search.subject.before.name, search.subject.after.name, moved))
        for position, moves in search.steps.items():
            steps[position].extend(search.cells(moves))
        figure = search.subject.question.figure
        runs += [Run(figure, a, b, n, search.cells(net)) for a, b, n, net in search.runs()]
    return Restated(
        tuple(differences),
        tuple(versions),
        tuple(Step(position, tuple(steps[position])) for position in sorted(steps)),
        tuple(runs),
    )
