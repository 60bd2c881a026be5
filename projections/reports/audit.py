"""Whether withheld cells can be computed from what is shown: an audit that shows other worlds.

Whoever reads a table knows linear relations between its cells: rows add up to a total, columns to
another column, one cell stands in two tables. Put together, and with every shown cell a constant,
they are equations over the withheld cells. A withheld cell is safe when other numbers than the true
ones satisfy all of them, and differ there. Such numbers are looked for, and each is a proof by
itself: nothing rests on how they were found.

They are found as true values plus or minus an integer vector that the equations map to 0: the
null space's basis, and sums of two of its vectors. Where that finds none, the cell counts as
exposed, which withholds more than need be, never less.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from itertools import combinations
from math import lcm
from typing import TypeVar

Cell = TypeVar("Cell", bound="tuple[int, ...]")

Equation = Mapping[Cell, int]
"""Coefficients: the sum of coefficient times cell is known to the reader."""

_PAIRS_MAX = 40
"""Basis vectors that are tried in pairs: beyond, the search would cost more than it finds."""


def ambiguous(
    withheld: Iterable[Cell],
    equations: Iterable[Equation[Cell]],
    possible: Callable[[Mapping[Cell, int]], bool],
    values: Mapping[Cell, int],
) -> set[Cell]:
    """The withheld cells that have at least two values consistent with the equations.

    `possible` judges the changed cells of another world: whether these numbers could be true.
    """
    hidden = set(withheld)
    reduced = [
        found
        for equation in equations
        if (found := {cell: factor for cell, factor in equation.items() if cell in hidden})
    ]
    proven: set[Cell] = set()
    for cells, among in _components(hidden, reduced):
        basis = _null_space(cells, among)
        _prove(basis, possible, values, proven)
        if len(basis) <= _PAIRS_MAX and not proven.issuperset(cells):
            pairs = [_added(a, b, sign) for a, b in combinations(basis, 2) for sign in (1, -1)]
            _prove(pairs, possible, values, proven)
    return proven


def _prove(
    vectors: Iterable[Mapping[Cell, int]],
    possible: Callable[[Mapping[Cell, int]], bool],
    values: Mapping[Cell, int],
    proven: set[Cell],
) -> None:
    """Add the cells that one of the vectors changes into another possible world."""
    for vector in vectors:
        if proven.issuperset(vector):
            continue
        for sign in (1, -1):
            if possible({cell: values[cell] + sign * step for cell, step in vector.items()}):
                proven.update(vector)
                break


def _components(
    hidden: set[Cell], equations: Sequence[Equation[Cell]]
) -> list[tuple[list[Cell], list[Equation[Cell]]]]:
    """Cells that share no equation, directly or through others, are judged apart."""
    root = {cell: cell for cell in hidden}

    def top(cell: Cell) -> Cell:
        while root[cell] != cell:
            root[cell] = cell = root[root[cell]]
        return cell

    for equation in equations:
        first, *others = equation
        for cell in others:
            root[top(cell)] = top(first)
    cells: dict[Cell, list[Cell]] = {}
    for cell in sorted(hidden):
        cells.setdefault(top(cell), []).append(cell)
    among: dict[Cell, list[Equation[Cell]]] = {key: [] for key in cells}
    for equation in equations:
        among[top(next(iter(equation)))].append(equation)
    return [(cells[key], among[key]) for key in cells]


def _null_space(
    cells: Sequence[Cell], equations: Iterable[Equation[Cell]]
) -> list[dict[Cell, int]]:
    """Integer vectors that span all changes which no equation notices (Gauss and Jordan)."""
    solved: dict[Cell, dict[Cell, Fraction]] = {}
    for equation in equations:
        row = {cell: Fraction(factor) for cell, factor in equation.items() if factor}
        for pivot in [cell for cell in row if cell in solved]:
            _subtract(row, solved[pivot], row[pivot])
        if not row:
            continue
        pivot = min(row)
        scale = row[pivot]
        row = {cell: factor / scale for cell, factor in row.items()}
        for other in solved.values():
            if pivot in other:
                _subtract(other, row, other[pivot])
        solved[pivot] = row
    basis = []
    for free in cells:
        if free not in solved:
            vector = {pivot: -row[free] for pivot, row in solved.items() if free in row}
            scale_up = lcm(*(factor.denominator for factor in vector.values()))
            whole = {cell: int(factor * scale_up) for cell, factor in vector.items()}
            basis.append({free: scale_up, **whole})
    return basis


def _subtract(row: dict[Cell, Fraction], other: Mapping[Cell, Fraction], times: Fraction) -> None:
    for cell, factor in other.items():
        rest = row.get(cell, Fraction(0)) - times * factor
        if rest:
            row[cell] = rest
        else:
            row.pop(cell, None)


def _added(a: Mapping[Cell, int], b: Mapping[Cell, int], sign: int) -> dict[Cell, int]:
    both = {cell: a.get(cell, 0) + sign * b.get(cell, 0) for cell in {**a, **b}}
    return {cell: step for cell, step in both.items() if step}
