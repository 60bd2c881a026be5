"""Tiles: where they lie, what they hold, and which paths and contents are refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.transparency.tiles import (
    INDEX_MAX,
    Entries,
    NoTile,
    Tile,
    bundle,
    entries_of,
    hashes_of,
    leaves_of,
    parse,
    tiles_of,
)
from tests.transparency.growing import Grown, numbered


@pytest.mark.parametrize(
    ("tile", "path"),
    [
        (Tile(0, 0), "tile/0/000"),
        (Tile(0, 67, 5), "tile/0/067.p/5"),
        (Tile(1, 1_234_067), "tile/1/x001/x234/067"),
        (Tile(63, 1_000, 255), "tile/63/x001/000.p/255"),
        (Entries(273, 112), "tile/entries/273.p/112"),
    ],
)
def test_a_tile_lies_where_the_specification_says(tile: Tile | Entries, path: str) -> None:
    assert tile.path == path
    assert parse(path) == tile


@given(st.integers(0, 63), st.integers(0, INDEX_MAX), st.integers(1, 256))
def test_every_path_reads_back(level: int, index: int, width: int) -> None:
    assert parse(Tile(level, index, width).path) == Tile(level, index, width)
    assert parse(Entries(index, width).path) == Entries(index, width)


@pytest.mark.parametrize(
    "path",
    [
        "tile/0/0",
        "tile/00/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/000.p/257",
        "tile/0/000.p/05",
        "tile/0/000.p/",
        "tile/0/000\n",
        "tile/0/٠٠٠",
        "tile/0/../000",
        "/tile/0/000",
        "tile/entries/x001",
        "tile/0/x999/x999/x999/x999/x999/x999/999",
        "tile/0/" + "x001/" * 30 + "000",
    ],
)
def test_any_other_path_is_no_tile(path: str) -> None:
    with pytest.raises(NoTile):
        parse(path)


def test_a_tree_has_the_tiles_of_the_specifications_example() -> None:
    tiles = list(tiles_of(70_000))
    assert len([tile for tile in tiles if tile.level == 0 and tile.width == 256]) == 273
    assert [tile for tile in tiles if tile.width < 256 or tile.level > 0] == [
        Tile(0, 273, 112),
        Tile(1, 0),
        Tile(1, 1, 17),
        Tile(2, 0, 1),
    ]
    assert len(list(entries_of(70_000))) == 274


def test_a_full_tile_has_a_place_in_the_level_above() -> None:
    assert list(tiles_of(256)) == [Tile(0, 0), Tile(1, 0, 1)]
    grown = Grown(numbered(257))
    assert hashes_of(grown.tile(Tile(1, 0, 1)), Tile(1, 0, 1)) == [
        Grown(numbered(256)).frontier.root()
    ]


def test_the_empty_tree_has_no_tile() -> None:
    assert not list(tiles_of(0))
    assert not list(entries_of(0))


def test_a_tile_that_is_too_short_is_refused() -> None:
    with pytest.raises(NoTile):
        hashes_of(b"x" * 31, Tile(0, 0, 1))
    with pytest.raises(NoTile):
        Grown(numbered(3)).tile(Tile(0, 0, 4))


def test_a_bundle_holds_its_leaves() -> None:
    leaves = [b"", b"a", b"b" * 65_535]
    assert bundle(leaves)[:5] == b"\x00\x00\x00\x01a"
    assert leaves_of(bundle(leaves), Entries(0, 3)) == leaves


@pytest.mark.parametrize("cut", [1, 2, 3])
def test_a_bundle_that_was_cut_is_refused(cut: int) -> None:
    whole = bundle([b"a", b"bc"])
    with pytest.raises(NoTile):
        leaves_of(whole[:-cut], Entries(0, 2))


def test_a_bundle_of_another_width_is_refused() -> None:
    with pytest.raises(NoTile):
        leaves_of(bundle([b"a", b"b"]), Entries(0, 1))
