"""The tree grows in the facts' own transaction: root and frontier on the head row, full tiles.

There is no second writer and no delay: an acknowledged fact is in the tree. What a crash leaves
behind is the tree of the last commit.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from psycopg import Cursor

from ledger.store.arrays import BigintArray, ByteaArray
from ledger.store.book import Book
from ledger.store.errors import StoreError
from ledger.transparency.merkle import Frontier, perfect_nodes, root_of
from ledger.transparency.tiles import HEIGHT, LEVEL_MAX, WIDTH

CATCH_UP_LEAVES: Final = 65_536
LEVELS: Final = LEVEL_MAX // HEIGHT + 1
_HEIGHTS: Final = frozenset(HEIGHT * level for level in range(LEVELS))


class TreeDamaged(StoreError):
    """The tree in this database is not the one its facts were appended to: at size {tree_size} the
    stored hashes do not give the stored frontier. Nothing is appended. Run `clusterledger check`,
    and see docs/operations.md, "Restore"."""


class LockedHead(NamedTuple):
    """The head row under its lock. The tree is behind the book only after a migration."""

    position: int
    recorded_at: datetime
    tree_size: int
    frontier: bytes


class TreeHead(NamedTuple):
    """A tree as receipts name it."""

    size: int
    root: bytes


class FullTile(NamedTuple):
    """A row of ledger.tile; `number` is its index."""

    level: int
    number: int
    root: bytes
    hashes: bytes


class Tree:
    """The right edge of a tree, at first the empty one's.

    For each transaction `begin`, `append`, `finish`; kept from one to the next; `forget` after a
    failed one.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Be the empty tree: the next `begin` reads the right edge again."""
        self._frontier = Frontier()
        self._rows: list[list[bytes]] = []
        self._full: list[FullTile] = []

    def begin(self, curs: Cursor[Any], head: LockedHead) -> None:
        """Be where the head is. Raises TreeDamaged.

        Reads what another process appended; after the migration that brought the tree, everything.
        """
        if self._frontier.size == head.position == head.tree_size:
            return
        self._load(curs, head)
        for after in range(head.tree_size, head.position, CATCH_UP_LEAVES):
            self.append(_leaf_hashes(curs, after, min(after + CATCH_UP_LEAVES, head.position)))
            self._write_tiles(curs)
        if head.tree_size < head.position:
            self.finish(curs, head.recorded_at)

    def append(self, leaf_hashes: Sequence[bytes]) -> None:
        """Grow by the next leaves."""
        size = self._frontier.size
        self._frontier, nodes = self._frontier.extended(leaf_hashes, _HEIGHTS)
        for level in range(len(nodes)):
            if level == len(self._rows):
                self._rows.append([])
            row = self._rows[level]
            row += nodes[HEIGHT * level]
            first = (size >> HEIGHT * level) // WIDTH
            # A tile's root is the node of the level above that it completes.
            for number, root in enumerate(nodes.get(HEIGHT * (level + 1), ())):
                hashes = row[number * WIDTH : (number + 1) * WIDTH]
                self._full.append(FullTile(level, first + number, root, b"".join(hashes)))
            del row[: len(row) // WIDTH * WIDTH]

    @property
    def head(self) -> TreeHead:
        """Size and root, what was appended included."""
        return TreeHead(self._frontier.size, self._frontier.root())

    @property
    def frontier(self) -> Frontier:
        """What the head row keeps of the tree."""
        return self._frontier

    def finish(self, curs: Cursor[Any], recorded_at: datetime) -> TreeHead:
        """Write what is full, and let the head row follow facts and tree."""
        self._write_tiles(curs)
        size, root = self.head
        curs.execute(
            "WITH kept AS (INSERT INTO ledger.tree_head (tree_size, root)"
            " VALUES (%(size)s, %(root)s)) UPDATE ledger.head SET position = %(size)s,"
            " recorded_at = %(recorded_at)s, tree_size = %(size)s, root = %(root)s,"
            " frontier = %(frontier)s",
            {
                "size": size,
                "root": root,
                "recorded_at": recorded_at,
                "frontier": b"".join(self._frontier.hashes),
            },
            prepare=True,
        )
        return TreeHead(size, root)

    def _load(self, curs: Cursor[Any], head: LockedHead) -> None:
        """The hashes of the partial tiles, held against the frontier."""
        self.forget()
        size = head.tree_size
        nodes, parts = size, []
        while nodes:
            level, width = len(self._rows), nodes % WIDTH
            self._rows.append(
                _leaf_hashes(curs, size - width, size)
                if level == 0
                else _roots(curs, level - 1, nodes - width, nodes)
            )
            nodes //= WIDTH
        for row in reversed(self._rows):
            parts += [_perfect(row, *node) for node in perfect_nodes(0, len(row))]
        if b"".join(parts) != head.frontier:
            raise TreeDamaged(tree_size=size)
        self._frontier = Frontier(size, tuple(parts))

    def drain(self) -> list[FullTile]:
        """The tiles that became full since the last time."""
        full, self._full = self._full, []
        return full

    def _write_tiles(self, curs: Cursor[Any]) -> None:
        full = self.drain()
        if not full:
            return
        levels, indexes, roots, hashes = zip(*full, strict=True)
        curs.execute(
            "INSERT INTO ledger.tile (level, index, root, hashes)"
            " SELECT * FROM unnest(%s, %s, %s, %s)",
            (
                BigintArray.of(levels),
                BigintArray.of(indexes),
                ByteaArray.of(roots),
                ByteaArray.of(hashes),
            ),
            prepare=True,
        )


def _perfect(row: Sequence[bytes], height: int, index: int) -> bytes:
    """The root over a perfect part of a row."""
    if height == 0:
        return row[index]
    return root_of([_perfect(row, height - 1, 2 * index + side) for side in (0, 1)])


def _leaf_hashes(curs: Cursor[Any], after: int, upto: int) -> list[bytes]:
    curs.execute(
        "SELECT leaf_hash FROM ledger.facts"
        " WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id",
        (after, upto),
        prepare=True,
        binary=True,
    )
    return [found for (found,) in curs.fetchall()]


def _roots(curs: Cursor[Any], level: int, first: int, end: int) -> list[bytes]:
    curs.execute(
        "SELECT root FROM ledger.tile"
        " WHERE level = %s AND index >= %s AND index < %s ORDER BY index",
        (level, first, end),
        prepare=True,
        binary=True,
    )
    return [found for (found,) in curs.fetchall()]


def catch_up(book: Book) -> None:
    """Bring a tree that is behind its facts up to them. Raises TreeDamaged.

    Waits for the head lock. Looks first, so that a start beside busy writers takes no lock.
    """
    with book.cursor() as curs:
        row = curs.execute("SELECT position = tree_size FROM ledger.head").fetchone()
    if row == (True,):
        return
    with book.recorder.appending() as (_, curs):
        book.recorder._lock_table(curs)
        row = curs.fetchone()
        assert row is not None
        Tree().begin(curs, LockedHead(*row))
