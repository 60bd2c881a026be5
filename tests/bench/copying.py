"""The limit of bulk loading: parse, hash, and copy in binary into tables like the book's.

Rows of `facts` and `attendance_mention` are as many and as large as the ledger's own; what is
missing are the rules, the idempotency, the streams' versions and the order, and what is small: a
row of `mention` for every twelfth fact, the tree's tiles and heads.
"""

import struct
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import msgspec
import orjson
import psycopg

from api.demonstration import Posted, programme
from tests.bench.rows import Failed

COPY_FACTS: Final = (
    "COPY bench.facts (notification_id, originator_id, originator_version, topic, state,"
    " leaf_hash, event_key, recorded_at) FROM STDIN (FORMAT BINARY)"
)
COPY_MENTIONS: Final = (
    "COPY bench.attendance_mention (activity, organisation, stream) FROM STDIN (FORMAT BINARY)"
)
HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"
"""PostgreSQL's manual, COPY, section Binary Format."""

_POSTGRES_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_START: Final = struct.Struct("!hiqi16siqi")
_TIME: Final = struct.Struct("!iq")
_MENTION: Final = struct.Struct("!hi16si16si16s")
_MENTION_OF_NONE: Final = struct.Struct("!hi16sii16s")
_WRITE_BYTES: Final = 256_000


def micros_of(at: datetime) -> int:
    """An instant as timestamptz holds it."""
    return int((at - _POSTGRES_EPOCH).total_seconds() * 1e6)


def packed(
    position: int, stream: bytes, topic: str, leaf: bytes, leaf_hash: bytes, key: bytes, micros: int
) -> bytes:
    """A row of facts for COPY, with the columns of COPY_FACTS."""
    kind = topic.encode()
    return b"".join(
        (
            _START.pack(8, 8, position, 16, stream, 8, 1, len(kind)),
            kind,
            len(leaf).to_bytes(4),
            leaf,
            b"\x00\x00\x00\x20",
            leaf_hash,
            b"\x00\x00\x00\x10",
            key,
            _TIME.pack(8, micros),
        )
    )


class Spool:
    """A programme's facts in a file, day by day: made before the clock starts, memory stays flat.

    Looks like a Programme to the loader.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def make(self, scale: float, seed: int = 1) -> int:
        """Write the facts; how many they are."""
        facts = 0
        encode = msgspec.msgpack.Encoder().encode
        with self.path.open("wb") as file:
            for day in programme(scale, seed).chunks():
                for start in range(0, len(day), 2_000):
                    part = encode(day[start : start + 2_000])
                    file.write(len(part).to_bytes(4) + part)
                facts += len(day)
        return facts

    def chunks(self) -> Iterator[list[Posted]]:
        """The facts in posting order, as Programme.chunks."""
        decode = msgspec.msgpack.Decoder(list[Posted]).decode
        with self.path.open("rb") as file:
            while size := file.read(4):
                yield decode(file.read(int.from_bytes(size)))


def copy_all(url: str, path: str) -> float:
    """Facts a second through parse, hash and COPY, in one transaction with its commit."""
    began = time.perf_counter()
    facts = 0
    now = datetime.now(UTC)
    stamp, micros = now.isoformat(), micros_of(now)
    with (
        psycopg.connect(url) as conn,
        psycopg.connect(url) as other,
        conn.cursor() as curs,
        other.cursor() as second,
        curs.copy(COPY_FACTS) as rows,
        second.copy(COPY_MENTIONS) as named,
    ):
        rows_buffer, named_buffer = bytearray(HEADER), bytearray(HEADER)
        for day in Spool(Path(path)).chunks():
            for fact in day:
                facts += 1
                _take(rows_buffer, named_buffer, fact, facts, micros, stamp)
            if len(rows_buffer) > _WRITE_BYTES:
                rows.write(rows_buffer)
                named.write(named_buffer)
                rows_buffer, named_buffer = bytearray(), bytearray()
        rows.write(rows_buffer + TRAILER)
        named.write(named_buffer + TRAILER)
    if not facts:
        raise Failed("there are no facts in the spool")
    return facts / (time.perf_counter() - began)


def _take(
    rows: bytearray, named: bytearray, fact: Posted, position: int, micros: int, stamp: str
) -> None:
    data: dict[str, Any] = orjson.loads(fact.data)
    key = sha256(f"{fact.source}\n{fact.id}".encode()).digest()
    leaf = LEAF % (
        fact.data,
        fact.id.encode(),
        position,
        stamp.encode(),
        fact.source.encode(),
        key[16:].hex().encode(),
        fact.type.encode(),
    )
    leaf_hash = sha256(b"\x00" + leaf).digest()
    rows += packed(position, key[16:], fact.type, leaf, leaf_hash, key[:16], micros)
    if fact.type.startswith("attendance."):
        activity = bytes.fromhex(data["activity_id"].replace("-", ""))
        if "organisation_id" in data:
            organisation = bytes.fromhex(data["organisation_id"].replace("-", ""))
            named += _MENTION.pack(3, 16, activity, 16, organisation, 16, key[16:])
        else:
            named += _MENTION_OF_NONE.pack(3, 16, activity, -1, 16, key[16:])


LEAF: Final = (
    b'{"actor":"key:%b","data":%%b,"id":"%%b","position":%%d,"recorded_at":"%%b","source":"%%b",'
    b'"stream":"%%b","type":"%%b","v":1,"version":1}' % str(UUID(int=0)).encode()
)
"""A leaf as long as the ledger's, for data, id, position, instant, source, stream and type."""
