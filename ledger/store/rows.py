"""Rows of the book: facts known, facts about to be inserted, and what a batch looks up first."""

from collections.abc import Sequence
from datetime import datetime
from struct import Struct as Binary
from typing import Any, Final, NamedTuple
from uuid import UUID

from msgspec import Struct
from psycopg import Cursor
from psycopg.pq.abc import PGresult

from ledger.domain.history import Entry
from ledger.store import codec
from ledger.store.arrays import UuidArray
from ledger.store.batch import Wanted
from ledger.store.line import Line, Statement, instant_sent, int8, int8_sent


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


COPY_FACTS: Final = (
    b"COPY ledger.facts (recorded_at, topic, notification_id, originator_version, originator_id,"
    b" event_key, leaf_hash, state) FROM STDIN (FORMAT BINARY)"
)
_FIXED: Final = Binary("!iqiqi16si16si32si").pack


def copied(rows: Sequence[Row], recorded_at: datetime) -> bytes:
    """Rows for COPY_FACTS, recorded in one transaction."""
    columns, eight = (8).to_bytes(2), (8).to_bytes(4)
    start = columns + eight + instant_sent(recorded_at)
    heads: dict[str, bytes] = {}
    parts: list[bytes] = []
    for row in rows:
        entry, state = row.entry, row.state
        topic = entry.fact.topic
        head = heads.get(topic)
        if head is None:
            head = heads[topic] = start + len(topic).to_bytes(4) + topic.encode()
        parts += (
            head,
            _FIXED(
                8,
                entry.position,
                8,
                entry.version,
                16,
                entry.stream.int.to_bytes(16),
                16,
                row.event_key,
                32,
                row.leaf_hash,
                len(state),
            ),
            state,
        )
    return b"".join(parts)


class Found(NamedTuple):
    """What the book holds of what a batch wants."""

    known: dict[bytes, Known]
    streams: dict[UUID, list[Entry]]
    erased: set[UUID]


class Since(NamedTuple):
    """What others appended since a position: the streams, and the hashes of the leaves in order.

    At most SINCE_FACTS_MAX + 1: of more than SINCE_FACTS_MAX nothing can be said.
    """

    streams: list[bytes]
    leaf_hashes: list[bytes]


SINCE_FACTS_MAX: Final = 2_000


_KNOWN: Final = """
SELECT f.event_key AS id, 0 AS version, f.state, f.leaf_hash, coalesce(t.tree_size, 0) AS tree_size,
    coalesce(t.root, '') AS root
FROM ledger.facts AS f LEFT JOIN LATERAL (
    SELECT tree_size, root FROM ledger.tree_head WHERE tree_size >= f.notification_id
    ORDER BY tree_size LIMIT 1
) AS t ON true
"""
# One statement: each costs a small batch as much as a dozen facts.
_LOOK_UP: Final = Statement(
    b"look_up",
    f"""
SELECT 0 AS part, * FROM ({_KNOWN} WHERE f.event_key = ANY($1)) AS known
UNION ALL SELECT 1, originator_id, originator_version, state, NULL, NULL, NULL
    FROM ledger.facts WHERE originator_id = ANY($2)
UNION ALL SELECT 2, person_ref, 0, NULL, NULL, NULL, NULL
    FROM ledger.erased WHERE person_ref = ANY($3)
ORDER BY version
""".encode(),  # noqa: S608 - constants
)


def look_up(line: Line, wanted: Wanted, *, trusting: bool) -> None:
    """Ask for what a batch wants, without waiting for the answer.

    On trust not whether its facts, and the streams that they should begin, are there already: the
    unique keys tell.
    """
    own = ([], {}) if trusting else (wanted.keys, wanted.firsts)
    line.send(
        _LOOK_UP,
        UuidArray.of_bytes([*own[0], *wanted.targets]),
        UuidArray.of([*wanted.streams.values(), *own[1].values()]),
        UuidArray.of(wanted.persons),
    )


_SINCE: Final = Statement(
    b"since",
    b"SELECT originator_id, leaf_hash FROM ledger.facts WHERE notification_id > $1"
    b" ORDER BY notification_id LIMIT %d" % (SINCE_FACTS_MAX + 1),
)


def look_since(line: Line, position: int) -> None:
    """Ask for what others appended since a position; of -1, nothing is known and nothing asked."""
    line.send(_SINCE, int8_sent(position if position >= 0 else 2**62))


def since(answer: PGresult) -> Since:
    """The answer to `look_since`."""
    rows = range(answer.ntuples)
    streams, leaf_hashes = ([answer.get_value(n, column) or b"" for n in rows] for column in (0, 1))
    return Since(streams, leaf_hashes)


def found(answer: PGresult) -> Found:
    """The answer to `look_up`."""
    known: dict[bytes, Known] = {}
    streams: dict[UUID, list[Entry]] = {}
    erased: set[UUID] = set()
    for n in range(answer.ntuples):
        part, id, _, *kept = (answer.get_value(n, column) or b"" for column in range(7))
        match int8(part):
            case 0:
                state, leaf_hash, tree_size, root = kept
                known[id] = Known(state, leaf_hash, int8(tree_size), root)
            case 1:
                streams.setdefault(UUID(bytes=id), []).append(codec.decode_leaf(kept[0]))
            case _:
                erased.add(UUID(bytes=id))
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
