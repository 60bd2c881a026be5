"""Records spread over files by key: equal keys meet in memory, however many there are."""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Self

KEY_BYTES: Final = 16
PARTS: Final = 512
"""One part at a time is compared in memory: of 100 million records some 30 MB."""
BUFFERED_BYTES_MAX: Final = 16 << 20


class Spill:
    """Records of one width in parts by key, each in the order it was added. A context manager.

    Keys must be spread evenly, as digests and random UUIDs are: the last bytes choose the part.
    """

    def __init__(self, width: int) -> None:
        self._buffers = [bytearray() for _ in range(PARTS)]
        self._flush_each = max(1, BUFFERED_BYTES_MAX // PARTS // width) * width
        self._folder = TemporaryDirectory(prefix="clusterledger-verify-")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._folder.cleanup()

    def add(self, key: bytes, record: bytes) -> None:
        """Take a record."""
        part = int.from_bytes(key[-4:]) % PARTS
        buffer = self._buffers[part]
        buffer += record
        if len(buffer) >= self._flush_each:
            with self._path(part).open("ab") as file:
                file.write(buffer)
            buffer.clear()

    def parts(self) -> Iterator[bytes]:
        """Every part, whole."""
        for part, buffer in enumerate(self._buffers):
            path = self._path(part)
            yield (path.read_bytes() if path.exists() else b"") + buffer

    def _path(self, part: int) -> Path:
        return Path(self._folder.name) / str(part)
