"""What the public profile withholds, and that it cannot be computed from what is shown."""

from __future__ import annotations

from collections import defaultdict
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from projections.figures.disclosure import suppress

rows = st.lists(st.integers(0, 40), max_size=20)


def derivable(row_length: int, largest: int, threshold: int) -> list[tuple[int, ...]]:
    """Rows of which a reader who knows rule and total can compute a withheld cell: all are tried.

    A row whose look-alikes may exceed `largest` is left out, as for it the enumeration would not be
    complete.
    """
    looks_alike: defaultdict[tuple[object, ...], list[tuple[int, ...]]] = defaultdict(list)
    for row in product(range(largest + 1), repeat=row_length):
        looks_alike[(*suppress(row, threshold=threshold), sum(row))].append(row)
    found = []
    for (*shown, total), candidates in looks_alike.items():
        if int(str(total)) > largest:
            continue
        for index, cell in enumerate(shown):
            if cell is None and len({row[index] for row in candidates}) == 1:
                found.extend(candidates)
    return found


@pytest.mark.parametrize(("row_length", "largest"), [(2, 20), (3, 14), (4, 10), (5, 7)])
@pytest.mark.parametrize("threshold", [3, 4, 5])
def test_no_withheld_cell_follows_from_the_total_and_the_rule(
    row_length: int, largest: int, threshold: int
) -> None:
    assert derivable(row_length, largest, threshold) == []


def test_the_enumeration_finds_what_primary_suppression_alone_gives_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The control: without the secondary rule the proof above fails."""
    monkeypatch.setitem(
        globals(), "suppress", lambda row, **_: [None if 0 < c < 3 else c for c in row]
    )
    assert (1, 0, 5) in derivable(3, 7, 3)


@given(rows)
def test_no_cell_of_one_or_two_is_shown(row: list[int]) -> None:
    assert not {1, 2} & set(suppress(row))


@given(rows)
def test_at_least_two_cells_are_withheld_or_none(row: list[int]) -> None:
    assert suppress(row).count(None) != 1 or len(row) == 1


@given(rows)
def test_what_is_shown_is_unchanged(row: list[int]) -> None:
    assert all(shown in (None, cell) for cell, shown in zip(row, suppress(row), strict=True))


@given(rows)
def test_nothing_is_withheld_from_a_row_without_small_cells(row: list[int]) -> None:
    large = [cell for cell in row if cell not in (1, 2)]
    assert suppress(large) == large


@given(rows)
def test_the_same_row_gives_the_same_answer(row: list[int]) -> None:
    assert suppress(row) == suppress(tuple(row))


@given(rows)
def test_without_a_published_total_only_small_cells_are_withheld(row: list[int]) -> None:
    expected = [None if cell in (1, 2) else cell for cell in row]
    assert suppress(row, total_published=False) == expected


@given(rows)
def test_equal_cells_fare_alike(row: list[int]) -> None:
    fates = defaultdict(set)
    for cell, shown in zip(row, suppress(row), strict=True):
        fates[cell].add(shown)
    assert all(len(fate) == 1 for fate in fates.values())


@given(st.permutations([0, 1, 1, 2, 3, 3, 5, 9]))
def test_the_order_of_the_cells_does_not_matter(row: list[int]) -> None:
    assert suppress(row) == [None if cell in (1, 2) else cell for cell in row]


def test_the_next_larger_value_is_withheld_with_a_lone_small_cell() -> None:
    assert suppress([7, 5, 1, 5, 0]) == [7, None, None, None, 0]


def test_equal_small_cells_take_the_next_larger_value_with_them() -> None:
    assert suppress([1, 1, 9, 12]) == [None, None, None, 12]
    assert suppress([1, 2, 9, 12]) == [None, None, 9, 12]


def test_a_small_cell_among_zeros_withholds_the_whole_row() -> None:
    assert suppress([0, 1, 0]) == [None, None, None]


def test_zero_is_shown() -> None:
    assert suppress([0, 4, 0]) == [0, 4, 0]


def test_negative_cells_and_thresholds_below_three_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be negative"):
        suppress([-1])
    with pytest.raises(ValueError, match="at least 3"):
        suppress([1], threshold=2)
