"""The writer driven by the event loop: small batches on the spot, the others in a thread.

A thread beside a busy event loop waits for the interpreter longer than it works, and the loop is
woken for it in vain: a fact posted alone took half as long again. So a small batch is decided on
between two requests, while its two waits for PostgreSQL are the loop's own. What is large, must ask
more than was sent ahead, or failed, goes to a thread, where it may take as long as it likes.
"""

import asyncio
import gc
import select
from collections.abc import Callable
from threading import get_ident
from typing import Final

import structlog

from ledger.store.line import Wait, WouldWait
from ledger.store.tickets import Ticket, facts_of
from ledger.store.writer import Writer

INLINE_FACTS_MAX: Final = 256
"""Some five milliseconds in which no other request is looked at."""

BRIEF_MS: Final = 20
"""Look-ups take less. Who read a batch then took the interpreter from who decides, and nothing was
left to read in the wait for rows and commit, which is ten times as long."""

PATIENT_YOUNG: Final = 50_000
PATIENT_S: Final = 1.0

log: Final = structlog.get_logger(__name__)


class Patience:
    """The collector's, while large batches come: the objects they are made of, tens of thousands
    with no cycle among them, are gone before it would be worth looking at them."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._usual = gc.get_threshold()
        self._end: asyncio.TimerHandle | None = None

    def have(self) -> None:
        """For a moment from now on."""
        if self._end is None:
            gc.set_threshold(max(PATIENT_YOUNG, self._usual[0]), *self._usual[1:])
        else:
            self._end.cancel()
        self._end = self._loop.call_later(PATIENT_S, self.lose)

    def lose(self) -> None:
        """Collect as usual."""
        if self._end is not None:
            self._end.cancel()
            self._end = None
            gc.set_threshold(*self._usual)


class Driver:
    """Records what is queued until the writer is stopped. Lives in the event loop.

    `wrote` is called after each batch, `failed` when a defect ended it: this process takes no more
    facts.
    """

    def __init__(
        self, writer: Writer, wrote: Callable[[Writer], None], failed: Callable[[], None]
    ) -> None:
        self._wrote = wrote
        self._failed = failed
        self._writer = writer
        self._loop = asyncio.get_running_loop()
        self._thread = get_ident()
        self._patience = Patience(self._loop)
        self._work = asyncio.Event()
        self._turns = asyncio.Lock()
        self._waits = asyncio.Event()
        writer.wake = self._wake
        writer.meanwhile = self._let_others
        writer.brief_ms = BRIEF_MS
        self._task = self._loop.create_task(self._run())

    def _wake(self) -> None:
        """From whichever thread submits."""
        if get_ident() == self._thread:
            self._work.set()
        else:
            self._loop.call_soon_threadsafe(self._work.set)

    def _let_others(self) -> bool:
        """From the thread, which waits for PostgreSQL."""
        if not self._waits.is_set():
            self._loop.call_soon_threadsafe(self._waits.set)
        return False

    async def turn(self) -> None:
        """Wait until the thread waits for PostgreSQL, or has nothing to do: for who takes the
        interpreter for milliseconds. One after the other, each for one such wait at most.
        """
        async with self._turns:
            self._waits.clear()  # before the look: the thread sets them the other way round
            if self._writer.deciding:
                await self._waits.wait()

    async def close(self) -> None:
        """Record what is queued, then stop."""
        self._writer.stop()
        await self._task
        self._patience.lose()

    async def _run(self) -> None:
        writer, batch = self._writer, list[Ticket]()
        try:
            while True:
                batch = writer.next_batch()
                if batch:
                    if not await self._inline(batch):
                        await self._in_thread(batch)
                    writer.finish(batch)
                    self._wrote(writer)
                elif writer.closing:
                    return
                else:
                    await self._work.wait()
                    self._work.clear()
        except Exception:  # the edge of the task: nobody may wait for it
            log.exception("writer_defect")
            writer.abandon(batch)
            self._failed()

    async def _in_thread(self, batch: list[Ticket]) -> None:
        if facts_of(batch) > INLINE_FACTS_MAX:
            self._patience.have()
        try:
            await asyncio.to_thread(self._writer.record_batch, batch)
        finally:
            self._waits.set()

    async def _inline(self, batch: list[Ticket]) -> bool:
        """Whether a batch was recorded without keeping anybody waiting."""
        if facts_of(batch) > INLINE_FACTS_MAX or not self._writer.has_line:
            return False
        transaction = self._writer.transaction(batch, patient=False)
        try:
            for wait in transaction:
                await self._ready(wait)
        except WouldWait:
            self._writer.undo()
            return False
        except Exception:  # noqa: BLE001 - the thread does it again, and says what failed
            self._writer.forget()
            return False
        return True

    async def _ready(self, wait: Wait) -> None:
        fileno, events = wait
        ready = self._loop.create_future()

        def tell() -> None:
            if not ready.done():
                ready.set_result(None)

        self._loop.add_reader(fileno, tell)
        if events & select.POLLOUT:
            self._loop.add_writer(fileno, tell)
        try:
            await ready
        finally:
            self._loop.remove_reader(fileno)
            if events & select.POLLOUT:
                self._loop.remove_writer(fileno)
