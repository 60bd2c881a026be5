"""What the public may see of a row of counts: small cells are withheld.

The rule. A cell of 1 or 2 (below `threshold`, 0 excepted) is withheld: it tells about single
organisations. 0 tells about nobody and is shown, and so are totals. As the total is exact, one
withheld cell alone could be computed by subtraction: so the next larger value is withheld with it
(secondary suppression), in every cell that has it, and so on until the withheld cells differ. When
no cell but zeros would be left, the zeros are withheld too.

Why this is enough. Which cells are withheld depends on the values alone, never on their places:
exchange two withheld values, and the published row stays the same. As they differ, each withheld
cell has at least two possible values. Had only the first of equal cells been taken, its place would
give the small one away to whoever knows the rule.

A joint adjustment printed beside the cells is total minus sum of all cells. Added to the total it
gives the sum of the cells, which is the same single equation: such a table is `total_published`
too. A row of counts of distinct organisations per year is not: its cells do not add up to the
period's count.

What is guaranteed, for one row and its total: no withheld cell follows from what is shown, not even
for a reader who knows this code. A test enumerates all small rows to prove it. The one exception is
a row of a single cell, which is its own total. Relations between several rows are for the tables'
definitions to avoid (domain.md: whole years only).
"""

from __future__ import annotations

from collections.abc import Sequence

THRESHOLD = 3
"""Cells below this, 0 excepted, are withheld."""


def suppress(
    cells: Sequence[int], *, total_published: bool = True, threshold: int = THRESHOLD
) -> list[int | None]:
    """The cells in their order, None where withheld.

    Deterministic: the same cells give the same answer, and equal cells fare alike. `cells` are
    counts; raises ValueError for a negative one or a threshold below 3.
    """
    if threshold < THRESHOLD:
        # With 2, whoever knows the rule would know a withheld 1 and 1.
        raise ValueError(f"threshold must be at least {THRESHOLD}, got {threshold}")
    if any(cell < 0 for cell in cells):
        raise ValueError("cells are counts and cannot be negative")
    withheld = {index for index, cell in enumerate(cells) if 0 < cell < threshold}
    if total_published and withheld:
        withheld = _with_secondary(cells, withheld, threshold)
    return [None if index in withheld else cell for index, cell in enumerate(cells)]


def _with_secondary(cells: Sequence[int], primary: set[int], threshold: int) -> set[int]:
    """The indices to withhold so that the primary ones do not follow from the total."""
    withheld = set(primary)
    for value in sorted({cell for cell in cells if cell >= threshold}):
        if len({cells[index] for index in withheld}) > 1:
            break
        withheld |= {index for index, cell in enumerate(cells) if cell == value}
    nothing_else_left = all(index in withheld or cell == 0 for index, cell in enumerate(cells))
    return set(range(len(cells))) if nothing_else_left else withheld
