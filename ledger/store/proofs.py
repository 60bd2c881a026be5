"""Reading the tree: its heads, tiles, entry bundles, and proofs cut from them.

Functions of a connection that may read the book. What is asked for must lie within the tree of the
head row: callers look first.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from psycopg import Connection

from ledger.store.tree import TreeHead
from ledger.transparency import merkle
from ledger.transparency.merkle import HASH_BYTES, perfect_nodes, root_of
from ledger.transparency.tiles import WIDTH, Entries, NoTile, Tile, bundle, hash_reader


def head_of(conn: Connection[Any]) -> TreeHead:
    """The tree as it is."""
    row = conn.execute("SELECT tree_size, root FROM ledger.head", prepare=True).fetchone()
    assert row is not None
    return TreeHead(*row)


def head_with(conn: Connection[Any], position: int) -> TreeHead | None:
    """The first tree that holds a position: the one its transaction left behind."""
    row = conn.execute(
        "SELECT tree_size, root FROM ledger.tree_head WHERE tree_size >= %s"
        " ORDER BY tree_size LIMIT 1",
        (position,),
        prepare=True,
    ).fetchone()
    return None if row is None else TreeHead(*row)


def leaf_hash_at(conn: Connection[Any], position: int) -> bytes:
    """The leaf hash of a position within the tree. Raises NoTile where its fact is gone."""
    row = conn.execute(
        "SELECT leaf_hash FROM ledger.facts WHERE notification_id = %s", (position,), prepare=True
    ).fetchone()
    if row is None:
        raise NoTile(f"The log has no fact at {position}.")
    leaf_hash: bytes = row[0]
    return leaf_hash


def recorded_s_ago(conn: Connection[Any], position: int) -> float:
    """How long ago the fact at a position was recorded, in seconds; 0 where there is none yet."""
    row = conn.execute(
        "SELECT extract(epoch FROM clock_timestamp() - recorded_at)::float8 FROM ledger.facts"
        " WHERE notification_id = %s",
        (position,),
        prepare=True,
    ).fetchone()
    return 0.0 if row is None else max(float(row[0]), 0.0)


class Nodes:
    """Nodes of the tree as it was at a size: each tile is read once, those asked for together in
    one statement."""

    def __init__(self, conn: Connection[Any], tree_size: int) -> None:
        self.tree_size = tree_size
        self._conn = conn
        self._tiles: dict[Tile, bytes] = {}
        self._hashes = hash_reader(tree_size, self._read)

    def root_at(self, size: int) -> bytes:
        """The root the tree had at a size, this one or a smaller one."""
        return root_of(self._hashes(perfect_nodes(0, size)))

    def inclusion(self, position: int) -> list[bytes]:
        """The hashes from a fact's leaf up to the root. Raises merkle.InvalidProof."""
        return merkle.inclusion_proof(position - 1, self.tree_size, self._hashes)

    def consistency(self, old_size: int) -> list[bytes]:
        """The hashes that show growth from a smaller tree. Raises merkle.InvalidProof."""
        return merkle.consistency_proof(old_size, self.tree_size, self._hashes)

    def _read(self, tiles: Sequence[Tile]) -> Mapping[Tile, bytes]:
        missing = [tile for tile in tiles if tile not in self._tiles]
        if missing:
            self._tiles |= read_tiles(self._conn, missing)
        return {tile: self._tiles[tile] for tile in tiles}


# A partial tile is cut from a full one, or made of leaf hashes or of the roots of the tiles below.
_TILES: Final = f"""
SELECT coalesce(
    (SELECT substring(hashes, 1, width::integer * {HASH_BYTES}) FROM ledger.tile AS t
     WHERE t.level = wanted.level AND t.index = wanted.index),
    CASE WHEN level = 0 THEN
        (SELECT string_agg(leaf_hash, '' ORDER BY notification_id) FROM ledger.facts
         WHERE notification_id > first AND notification_id <= first + width)
    ELSE
        (SELECT string_agg(root, '' ORDER BY t.index) FROM ledger.tile AS t
         WHERE t.level = wanted.level - 1 AND t.index >= first AND t.index < first + width)
    END, '')
FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) WITH ORDINALITY
        AS wanted (level, index, width, turn),
    LATERAL (SELECT wanted.index * {WIDTH} AS first) AS place
ORDER BY turn
"""  # noqa: S608 - constants


def read_tiles(conn: Connection[Any], tiles: Sequence[Tile]) -> Mapping[Tile, bytes]:
    """Tiles, full or as wide as asked. Raises NoTile where one is not there, or not so wide."""
    rows = conn.execute(
        _TILES,
        (
            [tile.level for tile in tiles],
            [tile.index for tile in tiles],
            [tile.width for tile in tiles],
        ),
        prepare=True,
        binary=True,
    )
    found = {tile: content for tile, (content,) in zip(tiles, rows, strict=True)}
    for tile, content in found.items():
        if len(content) < tile.width * HASH_BYTES:
            raise NoTile(f"The tree has no whole {tile.path}.")
    return found


def read_entries(conn: Connection[Any], entries: Entries) -> bytes:
    """An entry bundle: stored leaves. Raises NoTile where there are not that many."""
    first = entries.index * WIDTH
    rows = conn.execute(
        "SELECT state FROM ledger.facts WHERE notification_id > %s AND notification_id <= %s"
        " ORDER BY notification_id",
        (first, first + entries.width),
        prepare=True,
        binary=True,
    )
    leaves = [leaf for (leaf,) in rows]
    if len(leaves) < entries.width:
        raise NoTile(f"The log has no whole {entries.path}.")
    return bundle(leaves)
