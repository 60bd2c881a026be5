"""Tiles against the hashes of the leaves: which of the two is wrong, and where. Pure."""

from collections.abc import Callable

from ledger.transparency.leaves import Broken
from ledger.transparency.merkle import HASH_BYTES
from ledger.transparency.tiles import HEIGHT, WIDTH, NoTile, Tile

_Firsts = dict[int, tuple[int, str]]
"""By level: the first leaf concerned, from 0, and what is wrong."""


class Agreement:
    """Compares stored tiles with those the leaves make; knows each level's first difference.

    `size` is that of the signed tree: where there are more leaves or fewer, the last tiles are of
    another width, and what both widths hold is compared. Level by level, tiles come in order of
    their index.
    """

    def __init__(
        self, size: int, there: Callable[[Tile], bool], content: Callable[[Tile], bytes]
    ) -> None:
        self._size = size
        self._there = there
        self._content = content
        self._differing: _Firsts = {}
        self._missing: _Firsts = {}
        self.agreed = 0
        """How many tiles hold what the leaves make."""

    def seen(self, tile: Tile, made: bytes) -> None:
        """A tile that the leaves make."""
        first = tile.index * WIDTH
        nodes = self._size >> HEIGHT * tile.level
        signed = Tile(tile.level, tile.index, min(max(nodes - first, 0), WIDTH))
        stored = self._stored(signed)
        if stored == made and signed == tile:
            self.agreed += 1
            return
        found, at, wrong = self._missing, 0, f"{tile.path} is missing"
        if stored is not None:
            compared = made if signed == tile else made[: len(stored)]
            if signed == tile or stored[: len(compared)] != compared:
                at = _first_difference(stored, compared)
                found, wrong = self._differing, f"{signed.path} does not hold its hash"
        found.setdefault(tile.level, ((first + at) << HEIGHT * tile.level, wrong))

    def _stored(self, tile: Tile) -> bytes | None:
        if not tile.width or not self._there(tile):
            return None
        try:
            return self._content(tile)
        except NoTile:
            return None

    def problem(self, *, missing: bool) -> Broken | None:
        """The first difference, or with `missing` the first tile that is not there. A hash of an
        upper level stands for many leaves: where a lower level differs among them too, that one
        says which."""
        kinds = (self._differing, self._missing) if missing else (self._differing,)
        found: tuple[int, str] | None = None
        end = 0
        for level in sorted({level for kind in kinds for level in kind}, reverse=True):
            leaf_index, what = min(kind[level] for kind in kinds if level in kind)
            if found is None or leaf_index < end:
                found, end = (leaf_index, what), leaf_index + (1 << HEIGHT * level)
        return None if found is None else Broken(found[0] + 1, found[1])


def _first_difference(stored: bytes, made: bytes) -> int:
    """The index of the first hash that differs."""
    hashes = range(0, len(made), HASH_BYTES)
    ends = (at for at in hashes if stored[at : at + HASH_BYTES] != made[at : at + HASH_BYTES])
    return next(ends, len(made) - HASH_BYTES) // HASH_BYTES
