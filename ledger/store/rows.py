"""Rows of the book: facts known, facts about to be inserted, and what a batch looks up first."""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple
from uuid import UUID

from msgspec import Struct
from psycopg import Cursor

from ledger.domain.history import Entry
from ledger.store import codec
from ledger.store.arrays import UuidArray
from ledger.store.batch import Wanted


class Known(Struct, frozen=True, gc=False):
    """A fact that stands in the book, or will with this batch: its leaf and the leaf's hash.

    And the tree that its transaction left behind; of this batch's it is not known yet.
    """

    state: bytes
    leaf_hash: bytes
    tree_size: int = 0
    root: bytes = b""


class Row(Known, frozen=True, gc=False, kw_only=True):
    """A fact about to be inserted: one row of ledger.facts."""

    entry: Entry
    event_key: bytes


class Found(NamedTuple):
    """What the book holds of what a batch wants."""

    known: dict[bytes, Known]
    streams: dict[UUID, list[Entry]]
    erased: set[UUID]


_KNOWN: Final = """
SELECT f.event_key AS id, 0 AS version, f.state, f.leaf_hash, coalesce(t.tree_size, 0) AS tree_size,
    coalesce(t.root, '') AS root
FROM ledger.facts AS f LEFT JOIN LATERAL (
    SELECT tree_size, root FROM ledger.tree_head WHERE tree_size >= f.notification_id
    ORDER BY tree_size LIMIT 1
) AS t ON true
"""
# One statement: each costs a small batch as much as a dozen facts.
_LOOK_UP: Final = f"""
SELECT 0 AS part, * FROM ({_KNOWN} WHERE f.event_key = ANY(%s)) AS known
UNION ALL SELECT 1, originator_id, originator_version, state, NULL, NULL, NULL
    FROM ledger.facts WHERE originator_id = ANY(%s)
UNION ALL SELECT 2, person_ref, 0, NULL, NULL, NULL, NULL
    FROM ledger.erased WHERE person_ref = ANY(%s)
ORDER BY version
"""  # noqa: S608 - constants


def look_up(curs: Cursor[Any], wanted: Wanted) -> None:
    """Ask for what a batch wants; in a pipeline, without waiting for the answer."""
    curs.execute(
        _LOOK_UP,
        (
            UuidArray.of_bytes(wanted.keys),
            UuidArray.of(list(wanted.streams.values())),
            UuidArray.of(wanted.persons),
        ),
        prepare=True,
        binary=True,
    )


def found(curs: Cursor[Any]) -> Found:
    """The answer to `look_up`."""
    known: dict[bytes, Known] = {}
    streams: dict[UUID, list[Entry]] = {}
    erased: set[UUID] = set()
    for part, id, _, state, *kept in curs:
        if part == 0:
            known[id.bytes] = Known(state, *kept)
        elif part == 1:
            streams.setdefault(id, []).append(codec.decode_leaf(state))
        else:
            erased.add(id)
    return Found(known, streams, erased)


def known_at(curs: Cursor[Any], position: int) -> Known:
    """The fact of a position that is known to be there."""
    row = curs.execute(_KNOWN + "WHERE f.notification_id = %s", (position,)).fetchone()
    assert row is not None
    _, _, *kept = row
    return Known(*kept)


def read_streams(
    curs: Cursor[Any], ids: Sequence[UUID], upto: int | None = None
) -> dict[UUID, list[Entry]]:
    """Every entry of these streams, in version order."""
    curs.execute(
        "SELECT originator_id, state FROM ledger.facts"
        " WHERE originator_id = ANY(%s) AND notification_id <= %s"
        " ORDER BY originator_id, originator_version",
        (UuidArray.of(ids), 2**62 if upto is None else upto),
        prepare=True,
        binary=True,
    )
    found: dict[UUID, list[Entry]] = {}
    for stream, state in curs:
        found.setdefault(stream, []).append(codec.decode_leaf(state))
    return found
