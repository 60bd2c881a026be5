"""The tree grows in the facts' own transaction: root and frontier on the head row, full tiles.

There is no second writer and no delay: an acknowledged fact is in the tree. What a crash leaves
behind is the tree of the last commit.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple

from psycopg.pq.abc import PGresult

from ledger.store.arrays import BigintArray, ByteaArray
from ledger.store.book import Book
from ledger.store.errors import StoreError
from ledger.store.line import COMMIT, Line, Statement, instant, instant_sent, int8, int8_sent
from ledger.transparency.merkle import Frontier, perfect_nodes, root_of
from ledger.transparency.tiles import HEIGHT, LEVEL_MAX, WIDTH

CATCH_UP_LEAVES: Final = 65_536
LEVELS: Final = LEVEL_MAX // HEIGHT + 1
_HEIGHTS: Final = frozenset(HEIGHT * level for level in range(LEVELS))
_TILES: Final = Statement(
    b"tiles",
    b"INSERT INTO ledger.tile (level, index, root, hashes)"
    b" SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bytea[], $4::bytea[])",
)
_FINISH: Final = Statement(
    b"finish",
    b"WITH kept AS (INSERT INTO ledger.tree_head (tree_size, root) VALUES ($1, $2))"
    b" UPDATE ledger.head SET position = $1, recorded_at = $3, tree_size = $1, root = $2,"
    b" frontier = $4",
)


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


def locked_head(answer: PGresult) -> LockedHead:
    """The answer to locking the head."""
    position, recorded_at, tree_size, frontier = (
        answer.get_value(0, column) or b"" for column in range(4)
    )
    return LockedHead(int8(position), instant(recorded_at), int8(tree_size), frontier)


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

    def begin(self, line: Line, head: LockedHead, since: Sequence[bytes]) -> None:
        """Be where the head is; `since` holds the leaf hashes that others appended meanwhile.

        Reads the right edge where these do not lead to it; after the migration that brought the
        tree, everything. Raises TreeDamaged.
        """
        if self._frontier.size + len(since) == head.position == head.tree_size:
            if since:
                self.append(since)
                self.drain()  # whoever appended them has written what became full
            if b"".join(self._frontier.hashes) == head.frontier:
                return
        self._load(line, head)
        for after in range(head.tree_size, head.position, CATCH_UP_LEAVES):
            self.append(_leaf_hashes(line, after, min(after + CATCH_UP_LEAVES, head.position)))
            self._write_tiles(line)
        if head.tree_size < head.position:
            self.finish(line, head.recorded_at)

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

    def finish(self, line: Line, recorded_at: datetime) -> TreeHead:
        """Write what is full, and let the head row follow facts and tree."""
        self._write_tiles(line)
        size, root = self.head
        frontier = b"".join(self._frontier.hashes)
        line.send(_FINISH, int8_sent(size), root, instant_sent(recorded_at), frontier)
        return TreeHead(size, root)

    def _load(self, line: Line, head: LockedHead) -> None:
        """The hashes of the partial tiles, held against the frontier."""
        self.forget()
        size = head.tree_size
        nodes, parts = size, []
        while nodes:
            level, width = len(self._rows), nodes % WIDTH
            self._rows.append(
                _leaf_hashes(line, size - width, size)
                if level == 0
                else _roots(line, level - 1, nodes - width, nodes)
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

    def _write_tiles(self, line: Line) -> None:
        full = self.drain()
        if not full:
            return
        levels, indexes, roots, hashes = zip(*full, strict=True)
        line.send(
            _TILES,
            BigintArray.of(levels),
            BigintArray.of(indexes),
            ByteaArray.of(roots),
            ByteaArray.of(hashes),
        )


def _perfect(row: Sequence[bytes], height: int, index: int) -> bytes:
    """The root over a perfect part of a row."""
    if height == 0:
        return row[index]
    return root_of([_perfect(row, height - 1, 2 * index + side) for side in (0, 1)])


def _leaf_hashes(line: Line, after: int, upto: int) -> list[bytes]:
    with line.reading() as curs:
        curs.execute(
            "SELECT leaf_hash FROM ledger.facts"
            " WHERE notification_id > %s AND notification_id <= %s ORDER BY notification_id",
            (after, upto),
            binary=True,
        )
        return [found for (found,) in curs]


def _roots(line: Line, level: int, first: int, end: int) -> list[bytes]:
    with line.reading() as curs:
        curs.execute(
            "SELECT root FROM ledger.tile"
            " WHERE level = %s AND index >= %s AND index < %s ORDER BY index",
            (level, first, end),
            binary=True,
        )
        return [found for (found,) in curs]


def catch_up(book: Book) -> None:
    """Bring a tree that is behind its facts up to them. Raises TreeDamaged.

    Waits for the head lock. Looks first, so that a start beside busy writers takes no lock.
    """
    with book.cursor() as curs:
        row = curs.execute("SELECT position = tree_size FROM ledger.head").fetchone()
    if row == (True,):
        return
    with book.recorder.appending() as line:
        book.recorder._lock_table(line)
        (locked,) = line.answers()[1:]
        Tree().begin(line, locked_head(locked), [])
        line.send(COMMIT)
        line.answers()
