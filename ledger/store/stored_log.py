"""The log as it is stored: what a bundle is made from, and a bag to verify on the spot.

Facts are read page by page of positions: where some were deleted, the rest still comes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import BufferedReader, BytesIO, RawIOBase
from types import TracebackType
from typing import IO, Any, Self

from ledger.store import proofs
from ledger.store.book import PAGE_FACTS, Book
from ledger.store.codec import read_leaf
from ledger.store.database import READER, UNLIMITED, connect
from ledger.transparency.bag import CHECKPOINT, FACTS, Bag
from ledger.transparency.merkle import HASH_BYTES
from ledger.transparency.tiles import Tile, parse, tiles_of


class StoredLog:
    """One ledger's log, for reading. A context manager. Raises NoLedger."""

    def __init__(self, url: str) -> None:
        self.book = Book(url)
        self.conn = connect(url, READER, autocommit=True, limits=UNLIMITED)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.conn.close()
        self.book.close()

    def leaves(self, after: int, limit: int, upto: int | None = None) -> list[bytes]:
        """Stored leaves of the positions `after` + 1 to `after` + `limit`, none after `upto`."""
        return self.book.leaves(after, limit, upto)

    def leaf_bytes(self, after: int, upto: int) -> int:
        """Bytes of the lines of these positions: each leaf and its newline."""
        row = self.conn.execute(
            "SELECT coalesce(sum(octet_length(state) + 1), 0)::bigint FROM ledger.facts"
            " WHERE notification_id > %s AND notification_id <= %s",
            (after, upto),
        ).fetchone()
        assert row is not None
        return int(row[0])

    def tiles(self, wanted: Sequence[Tile]) -> Mapping[Tile, bytes]:
        """Tiles, full ones as they are stored. Raises NoTile."""
        return proofs.read_tiles(self.conn, wanted)

    def lines(self, size: int) -> Iterator[bytes]:
        """The first `size` facts as a bundle's lines, a page at a time."""
        for after in range(0, size, PAGE_FACTS):
            yield b"".join([leaf + b"\n" for leaf in self.leaves(after, PAGE_FACTS, size)])

    def recorded_at(self, position: int) -> str:
        """When the fact at a position was recorded; empty where there is none."""
        row = self.conn.execute(
            "SELECT state FROM ledger.facts WHERE notification_id = %s", (position,), binary=True
        ).fetchone()
        return "" if row is None else read_leaf(row[0]).recorded_at

    def as_bag(self, note: bytes, size: int) -> Bag:
        """The first `size` facts as an unsealed bag: no file is there before it is opened."""
        sizes = {f"data/{tile.path}": tile.width * HASH_BYTES for tile in tiles_of(size)}
        sizes |= {FACTS: 0, CHECKPOINT: len(note)}

        def open_file(path: str) -> IO[bytes]:
            if path == FACTS:
                return BufferedReader(_Stream(self.lines(size)), 1 << 20)
            if path == CHECKPOINT:
                return BytesIO(note)
            tile = parse(path.removeprefix("data/"))
            assert isinstance(tile, Tile)
            return BytesIO(self.tiles([tile])[tile])

        return Bag(sizes, open_file)


class _Stream(RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        super().__init__()
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: Any) -> int:
        """The next bytes; 0 at the end."""
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        taken = min(len(buffer), len(self._rest))
        buffer[:taken] = self._rest[:taken]
        self._rest = self._rest[taken:]
        return taken
