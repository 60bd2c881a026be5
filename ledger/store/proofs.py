"""Reading the tree: its heads, tiles, entry bundles, and proofs cut from them.

Functions of a connection that may read the book. What is asked for must lie within the tree of the
head row: callers look first.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import Connection

from ledger.store.tree import TreeHead
from ledger.transparency import merkle
from ledger.transparency.merkle import HashReader, perfect_nodes, root_of
from ledger.transparency.tiles import WIDTH, Entries, NoTile, Tile, bundle, cut, hash_reader


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
    """The leaf hash of a position that is there."""
    row = conn.execute(
        "SELECT leaf_hash FROM ledger.facts WHERE notification_id = %s", (position,), prepare=True
    ).fetchone()
    assert row is not None
    leaf_hash: bytes = row[0]
    return leaf_hash


def root_at(conn: Connection[Any], tree_size: int) -> bytes:
    """The root the tree had at a size, from its tiles."""
    return root_of(_reader(conn, tree_size)(perfect_nodes(0, tree_size)))


def inclusion(conn: Connection[Any], position: int, tree_size: int) -> list[bytes]:
    """The hashes from a fact's leaf up to the root. Raises merkle.InvalidProof."""
    return merkle.inclusion_proof(position - 1, tree_size, _reader(conn, tree_size))


def consistency(conn: Connection[Any], old_size: int, new_size: int) -> list[bytes]:
    """The hashes that show growth from one size to another. Raises merkle.InvalidProof."""
    return merkle.consistency_proof(old_size, new_size, _reader(conn, new_size))


def _reader(conn: Connection[Any], tree_size: int) -> HashReader:
    return hash_reader(tree_size, lambda tiles: read_tiles(conn, tiles))


def read_tiles(conn: Connection[Any], tiles: Sequence[Tile]) -> Mapping[Tile, bytes]:
    """Tiles, full or as wide as asked. Raises NoTile where the tree is not that wide."""
    rows = conn.execute(
        "SELECT t.level, t.index, t.hashes FROM ledger.tile AS t"
        " JOIN unnest(%s::bigint[], %s::bigint[]) AS wanted (level, index)"
        " ON t.level = wanted.level AND t.index = wanted.index",
        ([tile.level for tile in tiles], [tile.index for tile in tiles]),
        prepare=True,
        binary=True,
    )
    full = {(level, index): hashes for level, index, hashes in rows}
    found = {}
    for tile in tiles:
        hashes = full.get((tile.level, tile.index))
        if hashes is None:
            found[tile] = _partial(conn, tile)
        else:
            found[tile] = hashes[: tile.width * merkle.HASH_BYTES]
    return found


def _partial(conn: Connection[Any], tile: Tile) -> bytes:
    """A tile at the right edge: from leaf hashes, or from the roots of the tiles below it."""
    first = tile.index * WIDTH
    if tile.level == 0:
        rows = conn.execute(
            "SELECT leaf_hash FROM ledger.facts WHERE notification_id > %s"
            " AND notification_id <= %s ORDER BY notification_id",
            (first, first + tile.width),
            prepare=True,
            binary=True,
        )
    else:
        rows = conn.execute(
            "SELECT root FROM ledger.tile WHERE level = %s AND index >= %s AND index < %s"
            " ORDER BY index",
            (tile.level - 1, first, first + tile.width),
            prepare=True,
            binary=True,
        )
    return cut([found for (found,) in rows], tile)


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
        raise NoTile(f"The log has no {entries.path} yet.")
    return bundle(leaves)
