"""Records spread over the parts of a file by key: equal keys meet, however many others there are.

Whoever takes a part has it in memory, so one that became too large is spread once more.
"""

import struct
from array import array
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from tempfile import TemporaryFile
from typing import Final, Self

PARTS: Final = 512
DEPTH_MAX: Final = 4
"""How often records are spread at most: those of one key stay together, however many they are."""

Key = bytes | str | int
Keyed = Callable[[bytes], Iterable[tuple[Key, bytes]]]
"""Takes records that stand one after the other apart, and says the key of each."""

_PIECE: Final = struct.Struct("!QQ")
"""Before each piece in the file: where the part's piece before it begins, and its bytes; 0 bytes
where there is none. So what is remembered does not grow with the file."""


class Spill:
    """Records in parts by key, each in the order it was added. A context manager.

    `part_bytes` are about as many as a part may have, `buffered_bytes` what is kept from the file
    at first. Which part a key is in differs from process to process: nobody can choose keys that
    all meet in one.
    """

    def __init__(
        self, keyed: Keyed, *, part_bytes: int, buffered_bytes: int, depth: int = 1
    ) -> None:
        self._keyed = keyed
        self._part_bytes = part_bytes
        self._buffered_bytes = buffered_bytes
        self._depth = depth
        self._divisor = PARTS ** (depth - 1)
        self._piece_bytes = buffered_bytes // PARTS
        self._buffers = [bytearray() for _ in range(PARTS)]
        self._begins, self._sizes, self._totals = (array("Q", bytes(8 * PARTS)) for _ in range(3))
        """By part: where its last piece in the file begins, its bytes, and those of all pieces."""
        self._end = 0
        self._file = TemporaryFile(prefix="clusterledger-verify-")  # noqa: SIM115 - see __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, records: Iterable[tuple[Key, bytes]]) -> None:
        """Take records, each with its key."""
        buffers, divisor, full = self._buffers, self._divisor, self._piece_bytes
        for key, record in records:
            part = hash(key) // divisor % PARTS
            buffer = buffers[part]
            buffer += record
            if len(buffer) >= full:
                self._put_away(part, buffer)

    def parts(self) -> Iterator[bytes]:
        """Every part, whole, once."""
        for part, buffer in enumerate(self._buffers):
            pieces = self._pieces(part)
            if self._totals[part] + len(buffer) <= self._part_bytes or self._depth == DEPTH_MAX:
                whole = b"".join([*pieces, buffer])
                buffer.clear()
                yield whole
            else:
                yield from self._spread_again(chain(pieces, [bytes(buffer)]))

    def _spread_again(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        again = Spill(
            self._keyed,
            part_bytes=self._part_bytes,
            buffered_bytes=self._buffered_bytes,
            depth=self._depth + 1,
        )
        with again:
            for piece in pieces:
                again.add(self._keyed(piece))
            yield from again.parts()

    def _put_away(self, part: int, buffer: bytearray) -> None:
        begin, size = self._begins[part], len(buffer)
        self._file.write(_PIECE.pack(begin, self._sizes[part]))
        self._file.write(buffer)
        self._begins[part], self._sizes[part] = self._end, size
        self._totals[part] += size
        self._end += _PIECE.size + size
        buffer.clear()

    def _pieces(self, part: int) -> Iterator[bytes]:
        """What the file has of a part, in order."""
        begin, size = self._begins[part], self._sizes[part]
        places = []
        while size:
            places.append((begin + _PIECE.size, size))
            begin, size = _PIECE.unpack(self._read(begin, _PIECE.size))
        for place in reversed(places):
            yield self._read(*place)

    def _read(self, begin: int, size: int) -> bytes:
        self._file.seek(begin)
        return self._file.read(size)
