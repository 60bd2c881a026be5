"""The stored tree against one grown anew from the leaves: heads, tiles, frontier."""

from collections.abc import Iterator, Sequence
from typing import Any

from msgspec import Struct
from psycopg import Connection

from ledger.store.tree import Tree


class Finding(Struct, frozen=True):
    """Something that is not as it must be: where, and what."""

    where: str
    what: str

    def __str__(self) -> str:
        return f"{self.where}: {self.what}"


class TreeAudit:
    """Grows a tree beside the stored one, on a connection with a snapshot.

    One changed leaf changes every root after it: of each kind the first finding is told.
    """

    def __init__(self, conn: Connection[Any]) -> None:
        self._conn = conn
        self._tree = Tree()
        self._told: set[str] = set()
        self._tiles = 0

    def take(self, leaf_hashes: Sequence[bytes]) -> Iterator[Finding]:
        """The next leaves: the roots that receipts named among them, the tiles that got full."""
        start, at = self._tree.head.size, 0
        heads = self._conn.execute(
            "SELECT tree_size, root FROM ledger.tree_head"
            " WHERE tree_size > %s AND tree_size <= %s ORDER BY tree_size",
            (start, start + len(leaf_hashes)),
        )
        for size, root in heads:
            self._tree.append(leaf_hashes[at : size - start])
            at = size - start
            if self._tree.head.root != root:
                yield from self._first("tree_head", f"the root at size {size} is not the facts'")
        self._tree.append(leaf_hashes[at:])
        yield from self._check_tiles()

    def _check_tiles(self) -> Iterator[Finding]:
        full = self._tree.drain()
        self._tiles += len(full)
        rows = self._conn.execute(
            "SELECT t.level, t.index, t.root, t.hashes FROM ledger.tile AS t"
            " JOIN unnest(%s::bigint[], %s::bigint[]) AS made (level, index)"
            " ON t.level = made.level AND t.index = made.index",
            ([tile.level for tile in full], [tile.number for tile in full]),
            binary=True,
        )
        stored = {(level, index): (root, hashes) for level, index, root, hashes in rows}
        for tile in full:
            found = stored.get((tile.level, tile.number))
            if found != (tile.root, tile.hashes):
                what = "is missing" if found is None else "does not hold the facts' hashes"
                yield from self._first("tile", f"level {tile.level}, index {tile.number} {what}")

    def end(self) -> Iterator[Finding]:
        """What the head row says of the whole tree, and that there is nothing beside it."""
        row = self._conn.execute(
            "SELECT tree_size, root, frontier, (SELECT count(*) FROM ledger.tile),"
            " (SELECT max(tree_size) FROM ledger.tree_head) FROM ledger.head"
        ).fetchone()
        assert row is not None
        size, root, frontier, tiles, last = row
        if size != self._tree.head.size:
            yield Finding(
                "ledger.head", f"the tree has {size} leaves, the book {self._tree.head.size} facts"
            )
        elif (root, frontier) != (self._tree.head.root, b"".join(self._tree.frontier.hashes)):
            yield Finding("ledger.head", "root or frontier is not that of the facts")
        if tiles != self._tiles:
            yield Finding("ledger.tile", f"there are {tiles} tiles, by the facts {self._tiles}")
        if (last or 0) != size:
            yield Finding("ledger.tree_head", f"the last is of size {last}, the tree's is {size}")

    def _first(self, table: str, what: str) -> Iterator[Finding]:
        if table not in self._told:
            self._told.add(table)
            yield Finding(f"ledger.{table}", what)
