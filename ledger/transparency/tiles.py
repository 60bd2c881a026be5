"""Tiles: the tree's hashes in files of 256, as C2SP tlog-tiles lays them out. Pure.

A tile of level L holds nodes of height 8 * L. Its own root, once it is full, is one hash of a tile
of the level above. A partial tile is as wide as the tree it is cut for.
"""

import re
import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ledger.transparency.merkle import HASH_BYTES, HashReader, Node, node_hash

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
LEVEL_MAX: Final = 63
INDEX_MAX: Final = 2**63 // WIDTH - 1

_NUMBER: Final = r"(?P<index>(?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
_TILE: Final = re.compile(r"tile/(?P<level>0|[1-9][0-9]?)/" + _NUMBER)
_ENTRIES: Final = re.compile(r"tile/entries/" + _NUMBER)


class NoTile(Exception):
    """A path or a content that is no tile's; the text says why."""


@dataclass(frozen=True, slots=True)
class Tile:
    """The place of a tile: level and index from 0, width 1 to 256."""

    level: int
    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Like `tile/0/x001/x234/067.p/5`."""
        return f"tile/{self.level}/{_number(self.index, self.width)}"


@dataclass(frozen=True, slots=True)
class Entries:
    """The place of an entry bundle: the leaves of the level-0 tile of the same index and width."""

    index: int
    width: int = WIDTH

    @property
    def path(self) -> str:
        """Like `tile/entries/x001/x234/067.p/5`."""
        return f"tile/entries/{_number(self.index, self.width)}"


def _number(index: int, width: int) -> str:
    """An index in groups of three digits, all but the last after an x; a partial tile's width."""
    last = f"{index % 1000:03d}"
    while index >= 1000:
        index //= 1000
        last = f"x{index % 1000:03d}/{last}"
    return last if width == WIDTH else f"{last}.p/{width}"


def parse(path: str) -> Tile | Entries:
    """The place a path names. Each has one path only: others, like 0 with a sign, raise NoTile."""
    matched = _TILE.fullmatch(path) or _ENTRIES.fullmatch(path)
    if matched is not None:
        named = matched.groupdict()
        index = int(named["index"].replace("x", "").replace("/", ""))
        width = int(named["width"] or WIDTH)
        level = named.get("level")
        place = Entries(index, width) if level is None else Tile(int(level), index, width)
        is_in_range = width <= WIDTH and index <= INDEX_MAX and int(level or 0) <= LEVEL_MAX
        if place.path == path and is_in_range:
            return place
    raise NoTile(f"{path[:100]!r} is no path of a tile.")


def tiles_of(tree_size: int) -> Iterator[Tile]:
    """Every tile of a tree, full ones and the partial one of each level, lowest level first."""
    level, nodes = 0, tree_size
    while nodes:
        for index in range(nodes // WIDTH):
            yield Tile(level, index)
        if nodes % WIDTH:
            yield Tile(level, nodes // WIDTH, nodes % WIDTH)
        level, nodes = level + 1, nodes // WIDTH


def right_edge(tree_size: int) -> Iterator[Tile]:
    """The partial tiles of a tree: what a larger one goes on from."""
    level, nodes = 0, tree_size
    while nodes:
        if nodes % WIDTH:
            yield Tile(level, nodes // WIDTH, nodes % WIDTH)
        level, nodes = level + 1, nodes // WIDTH


def widest(tile: Tile, tree_size: int) -> bool:
    """Whether a tile is one of a tree's own: as wide as the tree makes it."""
    nodes = tree_size >> HEIGHT * tile.level
    return tile.width == min(nodes - tile.index * WIDTH, WIDTH)


def begun_after(tile: Tile, tree_size: int) -> bool:
    """Whether a tree of this size has none of a tile's hashes yet."""
    return tree_size >> HEIGHT * tile.level <= tile.index * WIDTH


def holds(tree_size: int, place: Tile | Entries) -> bool:
    """Whether a tree of this size has all that belongs in a tile or entry bundle."""
    level = place.level if isinstance(place, Tile) else 0
    return place.index * WIDTH + place.width <= tree_size >> HEIGHT * level


def entries_of(tree_size: int) -> Iterator[Entries]:
    """Every entry bundle of a tree."""
    for tile in tiles_of(tree_size):
        if tile.level:
            return
        yield Entries(tile.index, tile.width)


def hashes_of(content: bytes, tile: Tile) -> list[bytes]:
    """A tile's hashes. Raises NoTile where it has not as many bytes as its width says."""
    if len(content) != tile.width * HASH_BYTES:
        raise NoTile(f"{tile.path} has {len(content)} bytes, not {tile.width * HASH_BYTES}.")
    return [content[at : at + HASH_BYTES] for at in range(0, len(content), HASH_BYTES)]


TileReader = Callable[[Sequence[Tile]], Mapping[Tile, bytes]]


def hash_reader(tree_size: int, read: TileReader) -> HashReader:
    """Reads nodes of a tree of this size from its tiles: all that a proof needs at once."""

    def hashes(nodes: Sequence[Node]) -> list[bytes]:
        places = [_place(tree_size, node) for node in nodes]
        contents = read(list(dict.fromkeys(tile for tile, _, _ in places)))
        rows = {tile: hashes_of(content, tile) for tile, content in contents.items()}
        return [_perfect_root(rows[tile][first : first + count]) for tile, first, count in places]

    return hashes


def _place(tree_size: int, node: Node) -> tuple[Tile, int, int]:
    """The tile below which a node lies, as wide as the tree: (tile, first hash, number)."""
    height, index = node
    level, rest = divmod(height, HEIGHT)
    first = index << rest
    at = first // WIDTH
    width = min((tree_size >> HEIGHT * level) - at * WIDTH, WIDTH)
    return Tile(level, at, width), first % WIDTH, 1 << rest


def _perfect_root(row: Sequence[bytes]) -> bytes:
    """The root over a power of two of hashes."""
    while len(row) > 1:
        row = [node_hash(left, right) for left, right in zip(row[::2], row[1::2], strict=True)]
    return row[0]


def bundle(leaves: Sequence[bytes]) -> bytes:
    """An entry bundle: each leaf after its length, 16 bits big-endian."""
    return b"".join([struct.pack("!H", len(leaf)) + leaf for leaf in leaves])


def leaves_of(content: bytes, entries: Entries) -> list[bytes]:
    """A bundle's leaves. Raises NoTile where it is cut, or holds more or fewer than its width."""
    leaves, at = [], 0
    while at < len(content):
        start = at + 2
        at = start + int.from_bytes(content[at:start])
        leaves.append(content[start:at])
    if at != len(content) or len(leaves) != entries.width:
        raise NoTile(f"{entries.path} does not hold {entries.width} whole leaves.")
    return leaves
