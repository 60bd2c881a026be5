"""The writer driven by a thread of its own: the command line's way, and that of whoever waits."""

from threading import Event, Thread
from typing import Final

import structlog

from ledger.store.writer import Ticket, Writer

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
