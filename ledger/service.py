"""The application: commands in, receipts out."""

from collections.abc import Iterable, Mapping
from types import TracebackType
from typing import Any, Self
from unicodedata import normalize

import orjson

from ledger.domain.commands import Authority, Command, Incoming, Receipt
from ledger.store.book import Book
from ledger.store.codec import decode_fact
from ledger.store.database import WRITER
from ledger.store.driving import WriterThread
from ledger.store.tickets import Deliver, Ticket
from ledger.store.tree import catch_up
from ledger.store.writer import Writer


def incoming(
    id: str,
    source: str,
    type: str,
    data: bytes | Mapping[str, Any],
    *,
    causation: str | None = None,
    correlation: str | None = None,
    expected_version: int | None = None,
) -> Incoming:
    """A posted fact, decoded and checked for its form. Raises ledger.store.codec.InvalidFact."""
    raw = data if isinstance(data, bytes) else orjson.dumps(data)
    fact, canonical = decode_fact(type, raw)
    return Incoming(
        normalize("NFC", id),
        source,
        type,
        fact,
        canonical,
        causation and normalize("NFC", causation),
        correlation and normalize("NFC", correlation),
        expected_version,
    )


class Ledger:
    """One ledger, open for writing in this process."""

    def __init__(self, book: Book, *, driven: bool = False) -> None:
        self.book = book
        self.writer = Writer(book)
        self._thread = None if driven else WriterThread(self.writer)

    @classmethod
    def open(cls, url: str, *, driven: bool = False) -> Self:
        """With a thread that writes, unless it is `driven` by somebody else.

        Raises NoLedger, UnsafeDatabase, TreeDamaged, or what psycopg says of the connection.
        """
        book = Book(url, WRITER)
        catch_up(book)
        return cls(book, driven=driven)

    def record(self, authority: Authority, facts: Iterable[Incoming]) -> list[Receipt]:
        """Record facts together or not at all; a receipt each, in order.

        Raises Refused, WriterBusy, OutcomeUnknown.
        """
        return self.writer.record(Command(authority, tuple(facts)))

    def submit(self, command: Command, deliver: Deliver, tag: Any = None) -> Ticket:
        """Queue a command; `deliver` is called where the writer is driven when it is done."""
        return self.writer.submit(command, deliver, tag)

    def close(self) -> None:
        """Record what is queued, then let go of the database."""
        if self._thread is not None:
            self._thread.close()
        self.writer.close()
        self.book.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
