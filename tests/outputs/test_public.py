"""What the public version of a report withholds, and that it cannot be computed from the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.figures.catalogue import Text
from projections.reports.model import Cell, Column, Report, Table
from projections.reports.public import public
from tests.outputs.examples import example

BOTH = Text(de="x", en="x")


def count(name: str, figure: str | None = "activities", kind: Any = "count") -> Column:
    return Column(id=name, title=BOTH, kind=kind, definition=figure and f"{figure}@1")


def by(key: str) -> Column:
    return Column(id=key, title=BOTH, kind="key")


def table(
    key: str, columns: tuple[Column, ...], rows: Mapping[str, tuple[int, ...]], name: str = ""
) -> Table:
    return Table(
        id=name or key,
        title=BOTH,
        columns=(by(key), *columns),
        rows=tuple((label, *cells) for label, cells in rows.items()),
        total=(None, *(sum(column) for column in zip(*rows.values(), strict=True))),
    )


def seen(*tables: Table, sums: Any = None) -> list[list[tuple[Cell, ...]]]:
    """The tables' rows as the public sees them, without their keys."""
    made = public(example(tables=tables), sums or {})
    return [[row[1:] for row in found.rows] for found in made.tables]


def test_a_report_without_small_cells_stays_as_it_is_but_for_its_profile() -> None:
    report = example(tables=(table("year", (count("activities"),), {"2023": (3,), "2024": (0,)}),))
    made = public(report, {})
    assert made.tables == report.tables
    assert made.parameters["profile"] == "public"


def test_a_small_cell_takes_the_next_larger_with_it() -> None:
    column = (count("activities"),)
    rows = {"a": (2,), "b": (9,), "c": (4,), "d": (0,)}
    assert seen(table("cluster", column, rows)) == [[(None,), (9,), (None,), (0,)]]


def test_totals_and_tables_without_a_key_are_exact() -> None:
    whole = Table(id="all", title=BOTH, columns=(count("activities"),), rows=((2,),))
    made = public(example(tables=(whole, table("kind", (count("activities"),), {"a": (2,)}))), {})
    assert made.tables[0].rows == ((2,),)
    assert made.tables[1].total == (None, 2)


def test_tables_of_facts_are_left_out() -> None:
    facts = Table(
        id="late",
        title=BOTH,
        columns=(Column(id="position", title=BOTH, kind="position"),),
        rows=((7,),),
    )
    kept = table("year", (count("activities"),), {"2024": (5,)})
    assert public(example(tables=(facts, kept)), {}).tables == (kept,)


def test_a_cell_that_stands_in_two_tables_is_withheld_in_both() -> None:
    one = table("year", (count("activities"),), {"2022": (2,), "2023": (5,), "2024": (30,)}, "one")
    two = table("year", (count("activities"),), {"2023": (5,), "2024": (30,), "2025": (4,)}, "two")
    first, second = seen(one, two)
    assert first == [(None,), (None,), (30,)]
    assert second[0] == (None,)
    assert second.count((None,)) == 2


def test_quarters_do_not_give_a_year_away() -> None:
    years = table("year", (count("activities"),), {"2023": (2,), "2024": (30,), "2025": (40,)})
    quarters = table(
        "quarter",
        (count("activities"),),
        {"2023-Q1": (0,), "2023-Q2": (2,), "2024-Q1": (12,), "2024-Q2": (18,), "2025-Q1": (40,)},
    )
    coarse, fine = seen(years, quarters)
    assert coarse == [(None,), (None,), (40,)]
    assert fine[1] == (None,)
    assert None in {cell for (cell,) in fine[2:4]}


def test_a_sum_of_columns_does_not_give_its_parts_away() -> None:
    columns = (count("opening", "members"), count("joined", "joins"), count("left", "leavers"))
    columns += (count("closing", None),)
    rows = {"2022": (50, 2, 10, 42), "2023": (42, 7, 4, 45), "2024": (45, 12, 9, 48)}
    sums = {"year": {"closing": ("+opening", "+joined", "-left")}}
    (shown,) = seen(table("year", columns, rows), sums=sums)
    assert shown[0][1] is None
    for row in shown:
        assert sum(cell is None for cell in row) != 1
    assert len(consistent(shown, [50, 42, 45], rows, sums=True)) > 1


def consistent(shown: Any, _: Any, rows: Any, *, sums: bool) -> set[Cell]:
    """Values of the first small cell in all non-negative tables that look the same."""
    assert sums
    truth = list(rows.values())
    totals = [sum(column) for column in zip(*truth, strict=True)]
    hidden = [(r, c) for r, row in enumerate(shown) for c, cell in enumerate(row) if cell is None]
    found: set[Cell] = set()
    for step in product(range(-3, 4), repeat=len(hidden)):
        world = [list(row) for row in truth]
        for (r, c), change in zip(hidden, step, strict=True):
            world[r][c] += change
        fits = all(min(row) >= 0 and row[3] == row[0] + row[1] - row[2] for row in world)
        fits = fits and [sum(column) for column in zip(*world, strict=True)] == totals
        fits = fits and all(world[r + 1][0] == world[r][3] for r in range(len(world) - 1))
        if fits:
            found.add(world[0][1])
    return found


def test_a_share_is_withheld_as_a_whole_also_for_what_is_left_of_it() -> None:
    parts = ("numerator", "denominator", "unknown")
    columns = tuple(count(f"sme_share.{part}", "sme_share") for part in parts)
    rows = {"a": (48, 50, 10), "b": (30, 60, 20), "c": (40, 90, 30), "d": (10, 80, 40)}
    (shown,) = seen(table("cluster", columns, rows))
    assert shown[0] == (None, None, None)
    for column in zip(*shown, strict=True):
        assert column.count(None) >= 2


def test_money_is_withheld_where_the_projects_are_few_or_not_told() -> None:
    columns = (
        count("projects_approved", "projects_approved"),
        count("grant", "grant_cents", "cents"),
    )
    rows = {"a": (1, 500_000_00), "b": (5, 900_000_00), "c": (9, 1), "d": (7, 30)}
    (shown,) = seen(table("cluster", columns, rows))
    assert shown[0] == (None, None)
    assert [row[1] for row in shown].count(None) >= 2
    (alone,) = seen(table("cluster", columns[1:], {k: v[1:] for k, v in rows.items()}))
    assert {row[0] for row in alone} == {None}


def test_the_same_report_gives_the_same_public_one() -> None:
    report = example()
    assert public(report, {}).canonical() == public(report, {}).canonical()
    assert public(report, {}).digest != report.digest


# ---- every small table, by brute force --------------------------------------------------------


def worlds(
    total_rows: tuple[int, ...], total_columns: tuple[int, ...]
) -> Iterator[list[list[int]]]:
    """All non-negative tables with these margins."""

    def rows_of(total: int, room: tuple[int, ...]) -> Iterator[list[int]]:
        if len(room) == 1:
            if total <= room[0]:
                yield [total]
            return
        for first in range(min(total, room[0]) + 1):
            for rest in rows_of(total - first, room[1:]):
                yield [first, *rest]

    if len(total_rows) == 1:
        yield [list(total_columns)]
        return
    for row in rows_of(total_rows[0], total_columns):
        left = tuple(t - cell for t, cell in zip(total_columns, row, strict=True))
        for others in worlds(total_rows[1:], left):
            yield [row, *others]


def two_way(cells: list[list[int]]) -> Report:
    """The table of two keys, and with it both of its margins."""
    rows = [(f"c{i}", f"y{j}", cell) for i, row in enumerate(cells) for j, cell in enumerate(row)]
    both = Table(
        id="both",
        title=BOTH,
        columns=(by("cluster"), by("mode"), count("activities")),
        rows=tuple(rows),
        total=(None, None, sum(map(sum, cells))),
    )
    return example(tables=(both,))


@given(st.lists(st.lists(st.integers(0, 5), min_size=3, max_size=3), min_size=2, max_size=3))
def test_no_withheld_cell_of_a_two_way_table_follows_from_its_margins(
    cells: list[list[int]],
) -> None:
    shown = [row[2] for row in public(two_way(cells), {}).tables[0].rows]
    width = len(cells[0])
    grid = [shown[at : at + width] for at in range(0, len(shown), width)]
    assert not {1, 2} & {cell for row in grid for cell in row}
    margins = (tuple(map(sum, cells)), tuple(map(sum, zip(*cells, strict=True))))
    seen_there: dict[tuple[int, int], set[int]] = {}
    for world in worlds(*margins):
        if all(
            cell is None or cell == world[r][c]
            for r, row in enumerate(grid)
            for c, cell in enumerate(row)
        ):
            for r, row in enumerate(grid):
                for c, cell in enumerate(row):
                    if cell is None:
                        seen_there.setdefault((r, c), set()).add(world[r][c])
    exposed = {place for place, values in seen_there.items() if len(values) < 2}
    # Where all cells are withheld, the margins themselves may leave one world.
    assert not exposed or all(cell is None for row in grid for cell in row)


@pytest.mark.parametrize("cells", [[[1, 9, 9], [9, 9, 9], [9, 9, 9]]])
def test_the_brute_force_finds_what_column_wise_suppression_gives_away(
    cells: list[list[int]],
) -> None:
    """The control: one withheld cell in a line follows from the line's sum."""
    margins = (tuple(map(sum, cells)), tuple(map(sum, zip(*cells, strict=True))))
    fitting = [
        world
        for world in worlds(*margins)
        if all(world[r][c] == cells[r][c] for r in range(3) for c in range(3) if (r, c) != (0, 0))
    ]
    assert {world[0][0] for world in fitting} == {1}
    shown = [row[2] for row in public(two_way(cells), {}).tables[0].rows]
    assert shown.count(None) >= 4
