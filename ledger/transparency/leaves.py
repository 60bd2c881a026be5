"""What can be checked of leaves alone, wherever they come from: their form, their order.

Memory does not grow with the log. What is wrong is said by position: that of a leaf is its index
plus 1. Log-format.md's section "Leaf" says what a leaf is.
"""

import re
import struct
from collections.abc import Callable, Container, Iterable, Iterator
from datetime import datetime
from itertools import filterfalse
from typing import IO, Any, Final, Literal, NamedTuple, NoReturn
from unicodedata import is_normalized
from uuid import UUID

import msgspec
import orjson

from ledger.transparency.spill import Key, Spill

LEAF_BYTES_MAX: Final = 65_535
READ_BYTES: Final = 1 << 18
REPORTS_MAX: Final = 1_000
"""Names of published reports that are remembered; a ledger knows some dozens."""

Blocks = Iterable[bytes]
"""Leaves in order, each with its newline, some at a time."""


class Broken(Exception):
    """The first thing wrong at a position; the text says what."""

    def __init__(self, position: int, what: str) -> None:
        super().__init__(f"position {position:,}: {what}")
        self.position = position
        self.what = what


def blocks(file: IO[bytes], position: Callable[[], int]) -> Iterator[bytes]:
    """The lines of a file, some 256 KB at a time. Raises Broken.

    `position` says up to where whoever takes them has come: counting lines here too would take a
    tenth of the time of hashing them.
    """
    while chunk := file.read(READ_BYTES):
        begun = chunk + file.readline(LEAF_BYTES_MAX + 1)
        block = begun if begun.endswith(b"\n") else begun[: begun.rfind(b"\n") + 1]
        if block:
            yield block
        if len(begun) - len(block) > LEAF_BYTES_MAX:
            raise Broken(position() + 1, f"a leaf has at most {LEAF_BYTES_MAX:,} bytes")
        if block is not begun:
            raise Broken(position() + 1, "the line has no end: the file was cut here")


def lines(block: bytes) -> list[bytes]:
    """Its leaves, without their newlines."""
    return block[:-1].split(b"\n")


class Leaf(
    msgspec.Struct,
    frozen=True,
    gc=False,
    kw_only=True,
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """A leaf as it reads. The fields stand in the order of their names, as in its bytes."""

    actor: str
    causation: str | None = None
    correlation: str | None = None
    data: dict[str, Any]
    id: str
    position: int
    recorded_at: str
    source: str
    stream: str
    type: str
    v: Literal[1]
    version: int


class NotCanonical(ValueError):
    """Bytes that mean the same as a leaf's, but are not those it would have."""


UNREADABLE: Final = (ValueError, RecursionError)
"""What msgspec and orjson raise, and NotCanonical."""


def _no_float(text: str) -> NoReturn:
    raise NotCanonical(f"holds the number {text[:40]}, and a leaf holds integers only")


_decoder: Final = msgspec.json.Decoder(Leaf, float_hook=_no_float)
_encoder: Final = msgspec.json.Encoder(order="deterministic")
_INSTANT: Final = re.compile(
    r"[0-9]{4}-[01][0-9]-[0-3][0-9]T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{6}Z"
)


def read(line: bytes) -> Leaf:
    """A leaf, if these are its RFC 8785 bytes. Raises ValueError, whose text says what is wrong."""
    leaf = _decoder.decode(line)
    if _encoder.encode(leaf) != line:
        raise NotCanonical("is not in canonical form (RFC 8785): the same content has other bytes")
    _demand_integers(leaf.data)
    _uuids([leaf.stream])
    if len(line) > LEAF_BYTES_MAX:
        raise NotCanonical(f"has {len(line):,} bytes, and a leaf at most {LEAF_BYTES_MAX:,}")
    if _NUL in line or not line.isascii():
        _demand_texts(msgspec.json.decode(line))
    return leaf


def read_many(block: bytes) -> list[Leaf]:
    """The leaves of a block that `read` finds nothing wrong with, in half its time. Raises
    ValueError, RecursionError, which do not say what is wrong with which."""
    leaves = _decoder.decode_lines(block)
    if _encoder.encode_lines(leaves) != block:
        raise NotCanonical
    _demand_integers([leaf.data for leaf in leaves])
    _uuids([leaf.stream for leaf in leaves])
    if not _are_short(block):
        raise NotCanonical
    suspects: Iterable[bytes] = ()
    if b"\\" in block and _NUL in block:
        suspects = lines(block)
    elif not block.isascii():
        suspects = filterfalse(bytes.isascii, lines(block))
    for line in suspects:
        _demand_texts(msgspec.json.decode(line))
    return leaves


_UUID_CHARS: Final = 36
_UUID_DIGITS: Final = 32
_UUID_DASHES: Final = (8, 13, 18, 23)


def _uuids(streams: list[str]) -> bytes:
    """The 16 bytes of each. Raises NotCanonical where one is not written as a UUID is."""
    text = "".join(streams)
    digits = text.replace("-", "")
    try:
        found = bytes.fromhex(digits)
    except ValueError:
        found = b""
    dashes = "-" * len(streams)
    if (
        set(map(len, streams)) - {_UUID_CHARS}
        or any(text[at::_UUID_CHARS] != dashes for at in _UUID_DASHES)
        or len(digits) != _UUID_DIGITS * len(streams)
        or found.hex() != digits  # it may have been blank, or in capitals
    ):
        raise NotCanonical("is of a stream that is no UUID")
    return found


def _are_short(block: bytes) -> bool:
    """Whether no line is longer than a leaf may be: where each as many bytes hold an end."""
    at = 0
    while at < len(block):
        end = block.rfind(b"\n", at, at + LEAF_BYTES_MAX + 1)
        if end < 0:
            return False
        at = end + 1
    return True


def _demand_integers(value: Any) -> None:
    try:
        orjson.dumps(value, option=orjson.OPT_STRICT_INTEGER)
    except orjson.JSONEncodeError as error:
        raise NotCanonical("holds an integer from 2^53 on, which readers differ about") from error


_NUL: Final = b"\\u0000"


def _demand_texts(value: Any) -> None:
    """Text by text: NFC, no U+0000, names of fields in ASCII."""
    match value:
        case str() if "\x00" in value or not is_normalized("NFC", value):
            raise NotCanonical("holds text with U+0000, or text that is not in Unicode's NFC")
        case list():
            for item in value:
                _demand_texts(item)
        case dict():
            for name, item in value.items():
                if not name.isascii():
                    raise NotCanonical(f"has a field {name[:40]!r}, and fields have ASCII names")
                _demand_texts(item)


class Published(NamedTuple):
    """Where a `report.published.v1` stands, what it names, and its leaf."""

    position: int
    report: str
    sha256: str
    leaf: bytes


class Read(NamedTuple):
    """What a reading found out: the last position and when it was recorded, and of the reports that
    were published the last of each name and those asked for, in order of position."""

    position: int
    recorded_at: str
    published: list[Published]


_HASHED: Final = struct.Struct("!qqQ")
_EVENT: Final = struct.Struct("!16sQ")
"""The same, its two hashes as one key."""
_STREAM: Final = struct.Struct("!16s")
_VERSION: Final = struct.Struct("!16sQQ")
PART_BYTES: Final = 1 << 20
"""Of records that are compared at a time: some 10 MB as objects."""
BUFFERED_BYTES: Final = 2 << 20


def check_all(
    blocks: Blocks,
    after: int,
    proven: Container[int] = (),
    told: Callable[[int], object] = lambda _: None,
) -> Read:
    """Form and order of all leaves after a position. Raises Broken with the first thing wrong.
    `told` is told of each block how many leaves were in order.

    Positions are dense, `recorded_at` never decreases, each stream's versions are dense (from 1
    where the leaves begin at position 1), (source, id) is unique, each leaf is canonical.
    Reports published at the positions `proven` are among those given back.
    """
    with _spill(_EVENT) as events, _spill(_VERSION) as versions:
        reading = _Reading(events, versions, after, proven)
        found: list[Broken] = []
        try:
            for block in blocks:
                told(reading.take(block))
        except Broken as broken:
            found.append(broken)
        found += _repeated(events)
        found += _gaps(versions, from_start=after == 0)
        if found:
            raise min(found, key=lambda broken: broken.position)
        return Read(reading.position, reading.recorded_at, reading.published())


def _spill(record: struct.Struct) -> Spill:
    """For records that begin with their key."""

    def keyed(records: bytes) -> Iterator[tuple[Key, bytes]]:
        for key, *others in record.iter_unpack(records):
            yield key, record.pack(key, *others)

    return Spill(keyed, part_bytes=PART_BYTES, buffered_bytes=BUFFERED_BYTES)


class _Reading:
    """What is remembered from leaf to leaf."""

    def __init__(self, events: Spill, versions: Spill, after: int, proven: Container[int]) -> None:
        self.position = after
        self.recorded_at = ""
        self._events = events
        self._versions = versions
        self._proven = proven
        self._last: dict[str, Published] = {}
        self._asked: list[Published] = []

    def take(self, block: bytes) -> int:
        """The next leaves; how many they are. Raises Broken."""
        try:
            leaves: Iterable[Leaf] = read_many(block)
        except UNREADABLE:
            leaves = map(self._read, lines(block))
        after, in_place = self.position, []
        try:
            for leaf in leaves:
                self._place(leaf)
                in_place.append(leaf)
        finally:  # an earlier one may be wrong beside others
            self._spread(after, in_place)
        return len(in_place)

    def _read(self, line: bytes) -> Leaf:
        try:
            return read(line)
        except UNREADABLE as error:
            raise Broken(self.position + 1, f"the leaf {_told(error)}") from error

    def _place(self, leaf: Leaf) -> None:
        """What one leaf and the one before it show."""
        self.position = position = self.position + 1
        if leaf.position != position:
            raise Broken(position, f"here stands the fact of position {leaf.position:,}")
        if leaf.recorded_at != self.recorded_at:
            self._later(leaf.recorded_at)
        if not 0 < leaf.version <= position:
            raise Broken(position, f"version {leaf.version:,} of stream {leaf.stream} cannot be")
        if leaf.type == "report.published.v1":
            self._publishes(leaf)

    def _spread(self, after: int, leaves: list[Leaf]) -> None:
        """For what only all leaves show.

        Who used which id is told apart by two hashes of 64 bits, under a key that Python draws anew
        in each process: what is equal has equal ones, so none is missed.
        """
        positions = range(after + 1, after + 1 + len(leaves))
        events = [hash(leaf.id) for leaf in leaves]
        used = [hash(f"{leaf.source}\n{leaf.id}") for leaf in leaves]
        self._events.add(zip(events, map(_HASHED.pack, events, used, positions), strict=True))
        streams = [key for (key,) in _STREAM.iter_unpack(_uuids([leaf.stream for leaf in leaves]))]
        versions = [leaf.version for leaf in leaves]
        records = map(_VERSION.pack, streams, versions, positions)
        self._versions.add(zip(streams, records, strict=True))

    def _later(self, recorded_at: str) -> None:
        if not _is_instant(recorded_at):
            raise Broken(self.position, f"recorded_at {recorded_at[:40]!r} is no instant in UTC")
        if recorded_at < self.recorded_at:
            before = self.recorded_at
            raise Broken(
                self.position, f"recorded at {recorded_at}, before its predecessor ({before})"
            )
        self.recorded_at = recorded_at

    def _publishes(self, leaf: Leaf) -> None:
        named, digest = leaf.data.get("report"), leaf.data.get("sha256")
        found = Published(self.position, str(named), str(digest), _encoder.encode(leaf))
        if self.position in self._proven:
            self._asked.append(found)
        self._last[found.report] = found
        if len(self._last) > REPORTS_MAX:
            raise Broken(self.position, f"reports of more than {REPORTS_MAX:,} names are published")

    def published(self) -> list[Published]:
        """The last of each name and those asked for, in order."""
        return sorted({*self._last.values(), *self._asked})


def _is_instant(text: str) -> bool:
    """Of the form that is written, and a day and time that there are."""
    if not _INSTANT.fullmatch(text):
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def _told(error: Exception) -> str:
    told = str(error)
    return told if isinstance(error, NotCanonical) else f"cannot be read: {told[:200]}"


def _repeated(events: Spill) -> Iterator[Broken]:
    """The first use of an id that was used before, of each part."""
    for part in events.parts():
        seen: dict[bytes, int] = {}
        for event, position in _EVENT.iter_unpack(part):
            first = seen.setdefault(event, position)
            if first != position:
                yield Broken(position, f"the same source and id as position {first:,}")
                break


def _gaps(versions: Spill, *, from_start: bool) -> Iterator[Broken]:
    """The first version that does not follow on its stream's last one, of each part."""
    for part in versions.parts():
        last: dict[bytes, int] = {}
        for stream, version, position in _VERSION.iter_unpack(part):
            before = last.get(stream, 0 if from_start else version - 1)
            if version != before + 1:
                which = f"stream {UUID(bytes=stream)} goes from version {before:,} to {version:,}"
                yield Broken(position, which)
                break
            last[stream] = version
