"""A service without the safeguard: it acknowledges facts before they are committed.

Started and killed by test_killed_service: `python -m tests.api.hasty_service URL`. Its receipts are
right as long as it is not killed: facts are recorded in the order in which they came.
"""

from __future__ import annotations

import asyncio
import sys
import time
from queue import SimpleQueue
from threading import Thread
from typing import Any

from aiohttp import web

from api.app import application
from api.serving import Runner
from api.settings import Settings
from ledger import service
from ledger.domain.commands import Command, Receipt
from ledger.store.book import Book
from ledger.store.tickets import Deliver, Ticket
from ledger.store.writer import Writer

LATE_S = 0.3


class HastyWriter(Writer):
    """Answers at once, and records a little later."""

    def __init__(self, book: Book, *given: Any) -> None:
        super().__init__(book, *given)
        self._promised = book.head().position
        self._late: SimpleQueue[tuple[float, Command]] = SimpleQueue()
        Thread(target=self._submit_late, daemon=True).start()

    def submit(self, command: Command, deliver: Deliver, tag: Any = None) -> Ticket:
        ticket = Ticket(command, (), deliver, tag)
        for fact in command.facts:
            self._promised += 1
            ticket.answers.append(
                Receipt(fact.id, fact.source, self._promised, "", "", self._book.space, 1)
            )
        deliver([ticket])
        self._late.put((time.monotonic() + LATE_S, command))
        return ticket

    def _submit_late(self) -> None:
        while True:
            due, command = self._late.get()
            time.sleep(max(due - time.monotonic(), 0))
            super().submit(command, lambda _: None)


async def main(url: str) -> None:
    service.Writer = HastyWriter  # type: ignore[misc]  # what the safeguard is taken out of
    runner = Runner(application(url, Settings(rate_limit=0)))
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    print(f"http://127.0.0.1:{runner.addresses[0][1]}", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
