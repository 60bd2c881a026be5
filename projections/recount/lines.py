"""The lines of `facts.ndjson`, copied piece by piece to where DuckDB can read them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Final, NamedTuple

PIECE_BYTES: Final = 1 << 16
"""Small enough that the C library has as much at hand and need not ask the system each time."""
LINE_BYTES_MAX: Final = 1 << 16
STRETCH_BYTES: Final = 128 << 20
"""Enough for DuckDB's two threads to fill a group of rows each (122,880), which it then writes to
its file; what is less stays in memory and has to make room there."""


class Unreadable(Exception):
    """The facts cannot be recounted: {why}."""

    def __init__(self, why: object) -> None:
        super().__init__((type(self).__doc__ or "").format(why=why))


class Stretch(NamedTuple):
    """Whole lines that follow one another in a file of ours: which are the first and the last."""

    path: Path
    first: int
    last: int


def pieces(file: IO[bytes], size: int | None = None) -> Iterator[bytes]:
    """The bytes of a file, or the first so many of them."""
    while piece := file.read(PIECE_BYTES if size is None else min(size, PIECE_BYTES)):
        yield piece
        if size is not None:
            size -= len(piece)


def stretches(pieces: Iterable[bytes], scratch: Path) -> Iterator[Stretch]:
    """All lines of what comes in pieces, each stretch in a file that the next one takes the place
    of. Raises Unreadable for a line without an end, OSError."""
    path, pieces, rest, last = scratch / "facts.ndjson", iter(pieces), b"", 0
    while True:
        number, rest = _copy(pieces, rest, path, last)
        if not number:
            break
        yield Stretch(path, last + 1, last + number)
        last += number
    path.unlink()
    if rest:
        raise Unreadable(f"line {last + 1} was cut")


def _copy(pieces: Iterator[bytes], rest: bytes, path: Path, last: int) -> tuple[int, bytes]:
    """How many lines after the last one are in the file now, and what there is of the next one."""
    number = size = 0
    with path.open("wb") as file:
        for piece in pieces:
            begun = rest + piece
            end = begun.rfind(b"\n") + 1
            rest = begun[end:]
            number += begun.count(b"\n")
            if len(rest) > LINE_BYTES_MAX:
                raise Unreadable(f"line {last + number + 1} is longer than any fact")
            size += file.write(begun[:end])
            if size >= STRETCH_BYTES:
                break
    return number, rest
