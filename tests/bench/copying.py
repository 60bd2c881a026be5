"""The limit of bulk loading: parse, hash, and copy in binary into tables like the book's.

Rows of `facts` are as many and as large as the ledger's own, and so are those of `mention` that
come of attendances; what is missing are the rules, the idempotency, the streams' versions and the
order, and what is small: the mentions of other facts, the tree's tiles and heads.
"""

import struct
import time
from collections import defaultdict
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
from ledger.store.arrays import UuidArray
from ledger.store.writer import BATCH_FACTS_MAX
from tests.bench.rows import Failed

COPY_FACTS: Final = (
    "COPY bench.facts (notification_id, originator_id, originator_version, topic, state,"
    " leaf_hash, event_key, recorded_at) FROM STDIN (FORMAT BINARY)"
)
COPY_MENTIONS: Final = "COPY bench.mention (entity, kind, streams) FROM STDIN (FORMAT BINARY)"
HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"
"""PostgreSQL's manual, COPY, section Binary Format."""

_POSTGRES_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_START: Final = struct.Struct("!hiqi16siqi")
_TIME: Final = struct.Struct("!iq")
_MENTION: Final = struct.Struct("!hi16sihi")
_ATTENDANCE: Final = 5
_WRITE_BYTES: Final = 256_000


class Streams(defaultdict[str, list[bytes]]):
    """By entity: the attendances of a transaction that named it."""

    def __init__(self) -> None:
        super().__init__(list)


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
        buffer, streams = bytearray(HEADER), Streams()
        named.write(HEADER)
        for day in Spool(Path(path)).chunks():
            for fact in day:
                facts += 1
                _take(buffer, streams, fact, facts, micros, stamp)
                if facts % BATCH_FACTS_MAX == 0:
                    named.write(_mentions(streams))
                    streams = Streams()
            if len(buffer) > _WRITE_BYTES:
                rows.write(buffer)
                buffer = bytearray()
        rows.write(buffer + TRAILER)
        named.write(_mentions(streams) + TRAILER)
    if not facts:
        raise Failed("there are no facts in the spool")
    return facts / (time.perf_counter() - began)


def _take(
    rows: bytearray, streams: Streams, fact: Posted, position: int, micros: int, stamp: str
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
        streams[data["activity_id"]].append(key[16:])
        if "organisation_id" in data:
            streams[data["organisation_id"]].append(key[16:])


def _mentions(streams: Streams) -> bytes:
    """Rows of mention for COPY, one for each entity that the facts of a transaction named."""
    parts = []
    for entity, naming in streams.items():
        id, array = bytes.fromhex(entity.replace("-", "")), UuidArray.of_bytes(naming)
        parts += [_MENTION.pack(3, 16, id, 2, _ATTENDANCE, len(array)), array]
    return b"".join(parts)


LEAF: Final = (
    b'{"actor":"key:%b","data":%%b,"id":"%%b","position":%%d,"recorded_at":"%%b","source":"%%b",'
    b'"stream":"%%b","type":"%%b","v":1,"version":1}' % str(UUID(int=0)).encode()
)
"""A leaf as long as the ledger's, for data, id, position, instant, source, stream and type."""
