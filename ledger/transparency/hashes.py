"""All leaves hashed up to the root, and the tiles they make. Memory does not grow with the log."""

from collections.abc import Callable, Iterable, Iterator
from hashlib import sha256
from itertools import pairwise
from typing import Any, Final, NamedTuple

from ledger.transparency.leaves import Blocks, lines
from ledger.transparency.merkle import Frontier
from ledger.transparency.tiles import HEIGHT, LEVEL_MAX, WIDTH, Tile

TILE_HEIGHTS: Final = range(0, LEVEL_MAX + 1, HEIGHT)
"""Of the nodes that tiles hold, level by level."""


class Hashed(NamedTuple):
    """A tree built from leaves. `roots` and `leaves` are those that were asked for."""

    frontier: Frontier
    roots: dict[int, bytes]
    leaves: dict[int, bytes]


TileSeen = Callable[[Tile, bytes], object]


def hash_all(
    blocks: Blocks,
    start: Frontier,
    *,
    sizes: Iterable[int] = (),
    indexes: Iterable[int] = (),
    tile_seen: TileSeen | None = None,
    told: Callable[[int], object] = lambda _: None,
) -> Hashed:
    """Every leaf hashed up to the root, on top of the tree before the first one.

    Gives the roots at `sizes`, the leaf hashes at `indexes`, and `tile_seen` every tile whose first
    hash is not of the tree before, full ones as they fill and the partial ones at the end. `told`
    is told of each block how many leaves it has.
    """
    frontier, pending = start, Pending(start.size)
    roots, leaves = {start.size: start.root()}, {}
    stops, wanted = set(sizes), sorted(set(indexes))
    for block in blocks:
        hashes = [sha256(b"\x00" + leaf).digest() for leaf in lines(block)]
        first, end = frontier.size, frontier.size + len(hashes)
        leaves.update({i: hashes[i - first] for i in wanted if first <= i < end})
        cuts = sorted(size for size in stops if first < size < end)
        for low, high in pairwise([first, *cuts, end]):
            frontier, rows = frontier.extended(hashes[low - first : high - first], TILE_HEIGHTS)
            if high in stops:
                roots[high] = frontier.root()
            if tile_seen is not None:
                for tile, content in pending.taken(rows):
                    tile_seen(tile, content)
        told(len(hashes))
    if tile_seen is not None:
        for tile, content in pending.partial():
            tile_seen(tile, content)
    roots[frontier.size] = frontier.root()
    return Hashed(frontier, roots, leaves)


class Pending:
    """Tiles while they fill. Of a tree that goes on, the tiles it had begun are left out."""

    def __init__(self, size: int) -> None:
        self._rows: dict[int, bytearray] = {}
        self._skip = {height // HEIGHT: -(size >> height) % WIDTH for height in TILE_HEIGHTS}
        self._index = {height // HEIGHT: -(-(size >> height) // WIDTH) for height in TILE_HEIGHTS}

    def taken(self, rows: dict[int, Any]) -> Iterator[tuple[Tile, bytes]]:
        """Adds the nodes that were completed; gives the tiles they fill."""
        for height, row in rows.items():
            level = height // HEIGHT
            skipped = min(self._skip[level], len(row))
            self._skip[level] -= skipped
            waiting = self._rows.setdefault(level, bytearray())
            waiting += b"".join(row[skipped:])
            full = len(waiting) - len(waiting) % (WIDTH * 32)
            for at in range(0, full, WIDTH * 32):
                yield Tile(level, self._index[level]), bytes(waiting[at : at + WIDTH * 32])
                self._index[level] += 1
            del waiting[:full]

    def partial(self) -> Iterator[tuple[Tile, bytes]]:
        """The tiles that are not full at the end."""
        for level, waiting in self._rows.items():
            if waiting:
                yield Tile(level, self._index[level], len(waiting) // 32), bytes(waiting)
