"""Who drives the writer: a thread of its own, or whoever brings the facts."""

from collections.abc import Callable
from threading import Event, Thread
from typing import Final

import structlog

from ledger.store.tickets import Ticket
from ledger.store.writer import BATCH_FACTS_MAX, Writer

log: Final = structlog.get_logger(__name__)


class WriterThread:
    """Records what is queued until the writer is stopped."""

    def __init__(self, writer: Writer) -> None:
        self._writer = writer
        self._work = Event()
        writer.wake = self._work.set
        self._thread = Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Record what is queued, then stop."""
        self._writer.stop()
        self._thread.join()

    def _run(self) -> None:
        writer, batch = self._writer, list[Ticket]()
        try:
            while True:
                batch = writer.next_batch()
                if batch:
                    writer.record_batch(batch)
                    writer.finish(batch)
                elif writer.closing:
                    return
                else:
                    self._work.wait()
                    self._work.clear()
        except Exception:  # the edge of the thread: nobody may wait for it
            log.exception("writer_defect")
            writer.abandon(batch)


def drive(writer: Writer, bring: Callable[[], bool]) -> None:
    """Record what is queued and what `bring` queues, until it brings no more.

    `bring` queues a little and says whether it did. It is called while PostgreSQL works, so one
    thread keeps both busy: a second one would take the interpreter from the one that decides. It
    must not raise.
    """
    writer.meanwhile = bring
    while True:
        while writer.queued_facts < BATCH_FACTS_MAX and bring():
            pass
        batch = writer.next_batch()
        if not batch:
            return
        writer.record_batch(batch)
        writer.finish(batch)
