"""A file of facts, read as what is recorded together: NDJSON of CloudEvents, or one batch.

A batch (a JSON array) is one unit. In NDJSON each line stands for itself, but neighbours that
belong together are one unit: they share a `correlationid`, or one's `causationid` is the id of
another. So a void is not recorded without its replacement.
"""

from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from api.cli.terminal import CommandError
from api.intake.cloudevents import BATCH_FACTS_MAX


class Line(Struct, frozen=True):
    """An event as it stands in the file; `place` is `line 17`, from 1, or `item 17`, from 0.

    `problem` says why it is no JSON object at all.
    """

    place: str
    raw: bytes
    id: Any = None
    source: Any = None
    correlation: Any = None
    causation: Any = None
    problem: str | None = None


class _Head(Struct, frozen=True):
    """What tells what an event belongs to. Whether it is an event is for the ledger to say."""

    id: Any = None
    source: Any = None
    correlationid: Any = None
    causationid: Any = None


Unit = list[Line]
"""Lines that are recorded together or not at all, at least one."""

_decode_head: Final = msgspec.json.Decoder(_Head).decode
_decode_array: Final = msgspec.json.Decoder(list[Raw]).decode
_MALFORMED: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def units(file: Path) -> Iterator[Unit]:
    """The file's events in order, as they belong together. Raises CommandError."""
    with file.open("rb") as stream:
        first = stream.read(1)
        lines_before = 0
        while first.isspace():
            lines_before += first == b"\n"
            first = stream.read(1)
        if first == b"[":
            batch = _batch(first + stream.read())
            if batch:
                yield batch
            return
        rest = chain([first + stream.readline()], stream)
        yield from _grouped(
            _line(f"line {number}", raw.strip())
            for number, raw in enumerate(rest, lines_before + 1)
            if raw.strip()
        )


def chunks(file: Path, facts: int) -> Iterator[list[Unit]]:
    """The file's units, put together to about so many facts."""
    chunk: list[Unit] = []
    size = 0
    for unit in units(file):
        if chunk and size + len(unit) > facts:
            yield chunk
            chunk, size = [], 0
        chunk.append(unit)
        size += len(unit)
    if chunk:
        yield chunk


def _batch(text: bytes) -> Unit:
    try:
        events = _decode_array(text)
    except _MALFORMED as error:
        raise CommandError(f"The file is no JSON array of events: {error}.") from error
    if len(events) > BATCH_FACTS_MAX:
        raise CommandError(
            f"The batch has {len(events)} facts and would be recorded as one; at most"
            f" {BATCH_FACTS_MAX} can be. Write one fact a line instead: each stands for itself."
        )
    return [_line(f"item {index}", bytes(raw)) for index, raw in enumerate(events)]


def _line(place: str, raw: bytes) -> Line:
    try:
        head = _decode_head(raw)
    except _MALFORMED as error:
        return Line(place, raw, problem=f"This is no JSON object: {error}.")
    return Line(place, raw, head.id, head.source, head.correlationid, head.causationid)


def _grouped(lines: Iterator[Line]) -> Iterator[Unit]:
    unit: Unit = []
    ids: set[str] = set()
    for line in lines:
        if unit and not _belongs(line, unit[-1], ids):
            yield unit
            unit, ids = [], set()
        unit.append(line)
        if isinstance(line.id, str):
            ids.add(line.id)
        if len(unit) > BATCH_FACTS_MAX:
            raise CommandError(
                f"More than {BATCH_FACTS_MAX} facts up to {line.place} share a correlation or"
                " causation and would be recorded as one. Give fewer facts the same one."
            )
    if unit:
        yield unit


def _belongs(line: Line, before: Line, ids: set[str]) -> bool:
    if isinstance(line.correlation, str) and line.correlation == before.correlation:
        return True
    return isinstance(line.causation, str) and line.causation in ids
