"""Tiles against the hashes of the leaves: which of the two is wrong, and where. Pure."""

from collections.abc import Callable, Container

from ledger.transparency.leaves import Broken
from ledger.transparency.merkle import HASH_BYTES
from ledger.transparency.tiles import HEIGHT, WIDTH, Tile


class Agreement:
    """Compares stored tiles with those the leaves make; knows each level's first difference.

    Level by level, tiles come in order of their index.
    """

    def __init__(self, stored: Container[Tile], content: Callable[[Tile], bytes]) -> None:
        self._stored = stored
        self._content = content
        self._first: dict[int, tuple[int, str]] = {}
        self.agreed: set[Tile] = set()

    def seen(self, tile: Tile, made: bytes) -> None:
        """A tile that the leaves make."""
        at, wrong = 0, "is missing"
        if tile in self._stored:
            stored = self._content(tile)
            if stored == made:
                self.agreed.add(tile)
                return
            at, wrong = _first_difference(stored, made), "does not hold its hash"
        leaf_index = (tile.index * WIDTH + at) << HEIGHT * tile.level
        self._first.setdefault(tile.level, (leaf_index, f"{tile.path} {wrong}"))

    def problem(self) -> Broken | None:
        """The first difference. A hash of an upper level stands for many leaves: where a lower
        level differs among them too, that one says which."""
        found: tuple[int, str] | None = None
        end = 0
        for level in sorted(self._first, reverse=True):
            leaf_index, what = self._first[level]
            if found is None or leaf_index < end:
                found, end = (leaf_index, what), leaf_index + (1 << HEIGHT * level)
        return None if found is None else Broken(found[0] + 1, found[1])


def _first_difference(stored: bytes, made: bytes) -> int:
    """The index of the first hash that differs."""
    hashes = range(0, len(made), HASH_BYTES)
    ends = (at for at in hashes if stored[at : at + HASH_BYTES] != made[at : at + HASH_BYTES])
    return next(ends, len(made) - HASH_BYTES) // HASH_BYTES
