"""Records spread over parts of a file by key: equal keys meet, however many others there are."""

from array import array
from collections.abc import Iterator
from tempfile import TemporaryFile
from typing import Final, Self

KEY_BYTES: Final = 16
PARTS: Final = 512
"""One part at a time is compared in memory: of 100 million records some 30 MB."""
BUFFERED_BYTES_MAX: Final = 2 << 20


class Spill:
    """Records of one width in parts by key, each in the order it was added. A context manager.

    Keys must be spread evenly, as digests and random UUIDs are: the last bytes choose the part.
    """

    def __init__(self, width: int) -> None:
        self._buffers = [bytearray() for _ in range(PARTS)]
        self._piece_bytes = max(1, BUFFERED_BYTES_MAX // PARTS // width) * width
        self._pieces = [array("Q") for _ in range(PARTS)]
        """By part: where each of its pieces begins in the file."""
        self._end = 0
        self._file = TemporaryFile(prefix="clusterledger-verify-")  # noqa: SIM115 - see __exit__

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, key: bytes, record: bytes) -> None:
        """Take a record."""
        part = int.from_bytes(key[-4:]) % PARTS
        buffer = self._buffers[part]
        buffer += record
        if len(buffer) >= self._piece_bytes:
            self._file.write(buffer)
            self._pieces[part].append(self._end)
            self._end += len(buffer)
            buffer.clear()

    def parts(self) -> Iterator[bytes]:
        """Every part, whole."""
        for pieces, buffer in zip(self._pieces, self._buffers, strict=True):
            yield b"".join([self._read(at) for at in pieces]) + buffer

    def _read(self, at: int) -> bytes:
        self._file.seek(at)
        return self._file.read(self._piece_bytes)
