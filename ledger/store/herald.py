"""The herald: wakes who follows the book. A hint after a commit, never part of one.

NOTIFY in the appending transaction would take a lock that all writers of the instance share; after
it, where the writer is driven, whoever waits for the next transaction would wait for it too.
"""

from threading import Event, Thread
from typing import Final

import structlog
from eventsourcing.persistence import PersistenceError

from ledger.store.book import Book

log: Final = structlog.get_logger(__name__)

CHANNEL: Final = "clusterledger_facts"
NOTIFY_EVERY_S: Final = 0.1
"""The next fact of an idle ledger is told at once; under load followers pull no more often."""
NOTIFY: Final = "SELECT set_config('synchronous_commit', 'off', true), pg_notify(%s, %s)"
"""Tells a channel a text, in a transaction of its own. A notification's commit waits for the disk
like any other, which keeps the next facts from it; a hint that is lost in a crash is no loss."""


class Herald:
    """A thread that tells the last position, at most every NOTIFY_EVERY_S."""

    def __init__(self, book: Book) -> None:
        self._book = book
        self._position = 0
        self._due = Event()
        self._closing = Event()
        self._thread = Thread(target=self._run, name="ledger-herald", daemon=True)
        self._thread.start()

    def tell(self, position: int) -> None:
        """A commit brought the book to this position."""
        self._position = position
        self._due.set()

    def close(self) -> None:
        """Tell what is due, then stop."""
        self._closing.set()
        self._due.set()
        self._thread.join()

    def _run(self) -> None:
        told = 0
        closing = False
        while not closing:
            self._due.wait()
            self._due.clear()
            closing = self._closing.is_set()
            if self._position != told:
                told = self._position
                self._notify(told)
            self._closing.wait(NOTIFY_EVERY_S)

    def _notify(self, position: int) -> None:
        try:
            with self._book.cursor() as curs:
                curs.execute(NOTIFY, (CHANNEL, str(position)))
        except PersistenceError as error:
            log.warning("notify_failed", error=str(error)[:500])  # followers poll
