"""A tree in memory, with its tiles: what tests of proofs stand on."""

from __future__ import annotations

from collections.abc import Sequence

from ledger.transparency.merkle import Frontier, HashReader, leaf_hash
from ledger.transparency.tiles import HEIGHT, LEVEL_MAX, WIDTH, NoTile, Tile, hash_reader

HEIGHTS = range(0, HEIGHT * (LEVEL_MAX + 1), HEIGHT)


class Grown:
    """Every row of hashes that tiles are cut from."""

    def __init__(self, leaves: Sequence[bytes] = ()) -> None:
        self.frontier = Frontier()
        self.rows: dict[int, list[bytes]] = {}
        self.append(leaves)

    def append(self, leaves: Sequence[bytes]) -> None:
        self.frontier, nodes = self.frontier.extended([leaf_hash(x) for x in leaves], HEIGHTS)
        for height, row in nodes.items():
            self.rows.setdefault(height // HEIGHT, []).extend(row)

    def tile(self, tile: Tile) -> bytes:
        first = tile.index * WIDTH
        hashes = self.rows[tile.level][first : first + tile.width]
        if len(hashes) < tile.width:
            raise NoTile(tile.path)
        return b"".join(hashes)

    def reader(self, tree_size: int | None = None) -> HashReader:
        size = self.frontier.size if tree_size is None else tree_size
        return hash_reader(size, lambda tiles: {tile: self.tile(tile) for tile in tiles})


def numbered(count: int) -> list[bytes]:
    """That many leaves, all different."""
    return [b"leaf %d" % number for number in range(count)]
