"""The last line of facts that were saved from the trail, and what comes before it held against it.

`GET /v1/facts` as NDJSON ends with `{"position":…,"count":…,"sha256":…}`: how far the trail went,
how many lines come before, and the SHA-256 over them with their newlines. Leaves alone end without.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Final

import orjson

from projections.recount.lines import Unreadable

_NAMES: Final = {"position", "count", "sha256"}
_LONGEST_BYTES: Final = 512
_CHUNK_BYTES: Final = 1 << 20


def bytes_of(path: Path) -> int | None:
    """How many bytes come before the last line, which names how many lines they are; None where it
    is a leaf, or the facts come through a pipe, which cannot be read twice.

    Raises Unreadable, OSError.
    """
    if not path.is_file():
        return None
    with path.open("rb") as file:
        start = max(0, path.stat().st_size - _LONGEST_BYTES)
        file.seek(start)
        end = file.read().rstrip()
        line = end.rpartition(b"\n")[2]
        said = _said(line)
        if said is None:
            return None
        size = start + len(end) - len(line)
        lines, digest = _read(file, size)
    if (lines, digest) != (said["count"], said["sha256"]):
        raise Unreadable(
            f"the last line names {said['count']} lines with the SHA-256 {said['sha256']},"
            f" but {lines} lines with {digest} come before it"
        )
    return size


def _said(line: bytes) -> dict[str, Any] | None:
    try:
        said = orjson.loads(line)
    except ValueError:
        return None
    return said if isinstance(said, dict) and said.keys() == _NAMES else None


def _read(file: IO[bytes], size: int) -> tuple[int, str]:
    """Of so many bytes from the beginning: the lines, and the SHA-256."""
    file.seek(0)
    digest, lines = sha256(), 0
    while size and (chunk := file.read(min(size, _CHUNK_BYTES))):
        digest.update(chunk)
        lines += chunk.count(b"\n")
        size -= len(chunk)
    return lines, digest.hexdigest()
