"""Lines spread over the parts of a file: those with one key meet, however many others there are."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from typing import IO, Final

PARTS: Final = 512
"""One part at a time is held in memory: of 100 million facts some 100 MB."""
BUFFERED_BYTES_MAX: Final = 8 << 20


class Parts:
    """Lines with their newlines, in parts by key, each part in the order in which they came.

    `file` is open for writing and reading, and belongs to this alone; in the end it has every
    line. Which part a key is in
    differs from process to process: nobody can choose keys that all meet in one.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._buffers = [bytearray() for _ in range(PARTS)]
        self._written = [array("Q") for _ in range(PARTS)]
        """By part: where each piece of it begins, and its bytes."""
        self._end = 0
        self._flush_each = BUFFERED_BYTES_MAX // PARTS

    def add(self, key: str, line: bytes) -> None:
        """Take a line."""
        part = hash(key) % PARTS
        buffer = self._buffers[part]
        buffer += line
        if len(buffer) >= self._flush_each:
            self._file.write(buffer)
            self._written[part].extend((self._end, len(buffer)))
            self._end += len(buffer)
            buffer.clear()

    def parts(self) -> Iterator[bytes]:
        """The lines of every part, once: what is given is in the file alone."""
        for part, buffer in enumerate(self._buffers):
            pieces, at = [], self._written[part]
            for begin, size in zip(at[::2], at[1::2], strict=True):
                self._file.seek(begin)
                pieces.append(self._file.read(size))
            yield b"".join([*pieces, buffer])
            self._file.seek(self._end)
            self._end += self._file.write(buffer)
            buffer.clear()
