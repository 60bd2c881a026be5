"""What is remembered of a bag's files."""

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.transparency.bag import ByPath, InvalidBag
from ledger.transparency.tiles import tiles_of

names = st.sampled_from(["data", "tile", "0", "x001", "000", "000.p", "17"])
paths = st.lists(names, min_size=1, max_size=4).map("/".join)


@given(st.dictionaries(paths, st.integers(min_value=0)), paths)
def test_numbers_by_path_are_those_of_a_dictionary(numbers: dict[str, int], other: str) -> None:
    files = ByPath()
    for path, number in numbers.items():
        files.put(path, number)
    assert files == numbers
    assert len(files) == len(numbers)
    assert (other in files, files.get(other)) == (other in numbers, numbers.get(other))


def test_a_path_is_put_once() -> None:
    files = ByPath()
    files.put("data/tile/0/000", 1)
    files.put("data/tile/1/000", 2)
    with pytest.raises(InvalidBag, match=r"holds data/tile/1/000 twice"):
        files.put("data/tile/1/000", 2)


def test_a_tile_takes_less_memory_than_its_path() -> None:
    tiles = list(tiles_of(2_000_000))
    tracemalloc.start()
    files = ByPath()
    for tile in tiles:
        files.put(f"data/{tile.path}", tile.index)
    taken = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert taken / len(tiles) < len("data/tile/0/x012/345") + 49
