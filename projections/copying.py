"""Rows to PostgreSQL's binary COPY format. PostgreSQL documentation, COPY, "Binary Format"."""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from functools import lru_cache, partial
from itertools import islice, repeat
from struct import Struct
from typing import Any, Final
from uuid import UUID

from projections.models.base import ALWAYS, FOREVER, Row

HEADER: Final = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
TRAILER: Final = b"\xff\xff"
NULL: Final = b"\xff\xff\xff\xff"

_LENGTH: Final = Struct(">i").pack
_DATE: Final = Struct(">ii").pack
_SMALLINT: Final = Struct(">ih").pack
_BIGINT: Final = Struct(">iq").pack
_TEXT_OID: Final = 25
_EPOCH: Final = date(2000, 1, 1).toordinal()
_INFINITY: Final = 2**31 - 1

Packer = Callable[[Any], bytes]


def _text(value: str) -> bytes:
    encoded = value.encode()
    return _LENGTH(len(encoded)) + encoded


@lru_cache(10_000)
def _texts(values: tuple[str, ...]) -> bytes:
    """An array of one dimension, or of none when it is empty, without NULLs."""
    items = b"".join(map(_text, values))
    shape = Struct(">iiiii").pack(1, 0, _TEXT_OID, len(values), 1)
    array = shape + items if values else Struct(">iii").pack(0, 0, _TEXT_OID)
    return _LENGTH(len(array)) + array


@lru_cache(10_000)
def _date(value: date) -> bytes:
    if value == FOREVER:
        return _DATE(4, _INFINITY)
    if value == ALWAYS:
        return _DATE(4, -_INFINITY - 1)
    return _DATE(4, value.toordinal() - _EPOCH)


def _uuid(value: UUID) -> bytes:
    return b"\x00\x00\x00\x10" + value.int.to_bytes(16)


PACKERS: Final[dict[str, Packer]] = {
    "bigint": partial(_BIGINT, 8),
    "boolean": {False: b"\x00\x00\x00\x01\x00", True: b"\x00\x00\x00\x01\x01"}.__getitem__,
    "date": _date,
    "smallint": partial(_SMALLINT, 2),
    "text": _text,
    "text[]": _texts,
    "uuid": _uuid,
}
"""By the type's name in PostgreSQL: a value with its length before it."""


def rows_packer(types: Sequence[str]) -> Callable[[Iterable[Row]], Iterable[bytes]]:
    """Packs rows whose columns are of these types, column by column. None is NULL."""
    packers = [PACKERS[name] for name in types]
    count = Struct(">h").pack(len(packers))

    def pack(rows: Iterable[Row]) -> Iterable[bytes]:
        columns = [
            [NULL if value is None else packer(value) for value in values]
            for packer, *values in zip(packers, *rows, strict=True)
        ]
        return map(b"".join, zip(repeat(count), *columns, strict=False))

    return pack


def blocks(packed: Iterable[bytes], count: int = 2_000) -> Iterable[bytes]:
    """Packed rows as a whole COPY stream, by some thousands."""
    rows, start = iter(packed), HEADER
    while piece := b"".join(islice(rows, count)):
        yield start + piece
        start = b""
    yield start + TRAILER
