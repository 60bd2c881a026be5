"""Group commit: commands that arrive while a transaction commits go into the next one together.

One thread, one transaction at a time. What a crash leaves behind: a batch is in the book as a whole
or not at all; who got no receipt posts again, and the idempotency key tells.
"""

import time
from collections import deque
from collections.abc import Callable, Sequence
from threading import Condition, Event, Thread
from typing import Any, Final

import structlog
from eventsourcing.persistence import (
    InterfaceError,
    OperationalError,
    PersistenceError,
)
from psycopg import Connection

from ledger.domain.commands import Command, Receipt, Refused
from ledger.store import clerk
from ledger.store.arrays import BigintArray, UuidArray
from ledger.store.batch import Slip, slips_of
from ledger.store.book import Book
from ledger.store.desk import Desk
from ledger.store.herald import Herald
from ledger.store.rows import found, look_up
from ledger.store.tree import LockedHead, Tree, TreeDamaged, TreeHead

log: Final = structlog.get_logger(__name__)

BATCH_FACTS_MAX: Final = 4_000
CHUNK_FACTS: Final = 500
QUEUE_FACTS_MAX: Final = 20_000
TRIES: Final = 5


class WriterBusy(Exception):
    """The queue of facts to be recorded is full. Try again in {retry_after_s} s."""

    retry_after_s = 1

    def __init__(self) -> None:
        super().__init__((type(self).__doc__ or "").format(retry_after_s=self.retry_after_s))


class OutcomeUnknown(Exception):
    """The database did not answer.

    Post the same facts again: what was recorded is not recorded twice.
    """

    def __init__(self) -> None:
        super().__init__(" ".join((type(self).__doc__ or "").split()))


class WriterClosed(Exception):
    """The service is stopping and takes no more facts."""

    def __init__(self) -> None:
        super().__init__(type(self).__doc__)


class Ticket:
    """A command on its way, and what came of it: receipts, or the error that says why not."""

    __slots__ = ("command", "deliver", "error", "receipts", "slips", "tag")

    def __init__(
        self, command: Command, slips: Sequence[Slip], deliver: "Deliver", tag: Any
    ) -> None:
        self.command = command
        self.slips = slips
        self.deliver = deliver
        self.tag = tag
        self.receipts: list[Receipt] = []
        self.error: Exception | None = None

    def result(self) -> list[Receipt]:
        """The receipts, in the order of the facts. Raises Refused, or what kept the batch back."""
        if self.error is not None:
            raise self.error
        return self.receipts


Deliver = Callable[[Sequence[Ticket]], None]
"""Called in the writer's thread with all finished tickets of one caller at once."""


class Statistics:
    """What the writer did since it started; read by the metrics."""

    def __init__(self) -> None:
        self.facts = 0
        self.batches = 0
        self.commit_s = 0.0
        self.last_batch_facts = 0
        self.last_position = 0


class Writer:
    """The only thread of a process that appends to the book."""

    def __init__(self, book: Book, tree: Tree | None = None) -> None:
        self._book = book
        self._desk = Desk(book.space)
        self._tree = tree or Tree()
        self._queue: deque[Ticket] = deque()
        self._queued_facts = 0
        self._condition = Condition()
        self._closing = False
        self._herald = Herald(book)
        self.statistics = Statistics()
        self._thread = Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def submit(self, command: Command, deliver: Deliver, tag: Any = None) -> Ticket:
        """Queue a command. Raises WriterBusy when the queue is full, WriterClosed when stopping."""
        ticket = Ticket(command, slips_of(self._book.space, command), deliver, tag)
        with self._condition:
            if self._closing:
                raise WriterClosed
            if self._queue and self._queued_facts + len(command.facts) > QUEUE_FACTS_MAX:
                raise WriterBusy
            self._queue.append(ticket)
            self._queued_facts += len(command.facts)
            self._condition.notify()
        return ticket

    def record(self, command: Command) -> list[Receipt]:
        """Queue a command and wait for its receipts. Raises Refused, WriterBusy, OutcomeUnknown."""
        done = Event()
        ticket = self.submit(command, lambda _: done.set())
        done.wait()
        return ticket.result()

    @property
    def queued_facts(self) -> int:
        """Facts that wait for their transaction."""
        return self._queued_facts

    def close(self) -> None:
        """Record what is queued, then stop."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()
        self._herald.close()

    def _run(self) -> None:
        while True:
            batch = self._next_batch()
            if not batch:
                return
            self._record(batch)
            _deliver(batch)
            self._herald.tell(self.statistics.last_position)

    def _next_batch(self) -> list[Ticket]:
        """At least one ticket, as many as fit one transaction; none when closing."""
        with self._condition:
            while not self._queue and not self._closing:
                self._condition.wait()
            batch: list[Ticket] = []
            facts = 0
            while self._queue and (
                not batch or facts + len(self._queue[0].command.facts) <= BATCH_FACTS_MAX
            ):
                ticket = self._queue.popleft()
                facts += len(ticket.command.facts)
                batch.append(ticket)
            self._queued_facts -= facts
            return batch

    def _record(self, batch: list[Ticket]) -> None:
        """Record a batch; on an error of the database try again, or halve to find the culprit."""
        for attempt in range(1, TRIES + 1):
            try:
                self._transaction(batch)
                return
            except (OperationalError, InterfaceError) as error:
                # The connection was lost, perhaps between COMMIT and its answer: deciding again
                # finds what was recorded by its idempotency key.
                self._forget()
                log.warning("append_interrupted", attempt=attempt, error=str(error)[:500])
                if attempt < TRIES:
                    time.sleep(0.05 * 2**attempt)
            except TreeDamaged as error:
                self._forget()
                log.error("tree_damaged", tree_size=error.case["tree_size"])
                self._fail(batch, error)
                return
            except PersistenceError as error:
                self._forget()
                log.error("append_failed", facts=_facts(batch), error=str(error)[:500])
                self._halve(batch)
                return
            except Exception:  # the edge of the thread: whoever waits gets an answer
                self._forget()
                log.exception("append_defect", facts=_facts(batch))
                self._halve(batch)
                return
        self._fail(batch)

    def _forget(self) -> None:
        self._desk.forget()
        self._tree.forget()

    def _halve(self, batch: list[Ticket]) -> None:
        if len(batch) == 1:
            self._fail(batch)
            return
        middle = len(batch) // 2
        self._record(batch[:middle])
        self._record(batch[middle:])

    @staticmethod
    def _fail(batch: list[Ticket], error: Exception | None = None) -> None:
        for ticket in batch:
            ticket.error = error or OutcomeUnknown()

    def _transaction(self, batch: list[Ticket]) -> None:
        """Lock, look up, decide, append, commit: two round trips and a commit."""
        desk = self._desk
        wanted = desk.prepare(ticket.slips for ticket in batch)
        recorder = self._book.recorder
        with recorder.appending() as (conn, curs):
            recorder._lock_table(curs)
            asked = conn.cursor()
            look_up(asked, wanted)
            head = LockedHead._make(curs.fetchone() or ())
            desk.begin(
                asked,
                position=head.position,
                recorded_at=head.recorded_at,
                wanted=wanted,
                found=found(asked),
            )
            self._tree.begin(asked, head)
            for ticket in batch:
                try:
                    ticket.receipts = clerk.take(desk, ticket.command.authority, ticket.slips)
                    ticket.error = None
                except Refused as refused:
                    ticket.error = refused
                if len(desk.rows) >= CHUNK_FACTS:
                    # PostgreSQL inserts these while the next commands are decided on.
                    self._append(conn, curs)
            if desk.rows:
                self._append(conn, curs)
            self._guard(curs)
            began = time.perf_counter()
        recorder.raise_commit_warning()
        self._count(desk.recorded, time.perf_counter() - began)
        _complete(batch, self._tree.head)
        desk.keep()

    def _append(self, conn: Connection[Any], curs: Any) -> None:
        """Send facts and their mentions on their way; errors show when the transaction ends."""
        rows, mentioned, attended = self._desk.drain()
        self._book.recorder._insert_stored_events(
            curs,
            (),
            rows=rows,
            mentioned=mentioned,
            attended=attended,
            recorded_at=self._desk.recorded_at,
        )
        conn.pgconn.flush()
        self._tree.append([row.leaf_hash for row in rows])

    def _guard(self, curs: Any) -> None:
        """The head, and what else follows from the batch."""
        desk = self._desk
        if desk.recorded:
            self._tree.finish(curs, desk.recorded_at)
        if desk.seats:
            curs.execute(
                "INSERT INTO ledger.seats SELECT * FROM unnest(%s, %s)"
                " ON CONFLICT (activity_id) DO UPDATE SET taken = excluded.taken",
                (UuidArray.of(list(desk.seats)), BigintArray.of(list(desk.seats.values()))),
                prepare=True,
            )
        if desk.erased:
            curs.execute(
                "INSERT INTO ledger.erased SELECT * FROM unnest(%s)", (UuidArray.of(desk.erased),)
            )

    def _count(self, facts: int, seconds: float) -> None:
        self.statistics.facts += facts
        self.statistics.batches += 1
        self.statistics.commit_s += seconds
        self.statistics.last_batch_facts = facts
        self.statistics.last_position = self._desk.position


def _complete(batch: Sequence[Ticket], tree: TreeHead) -> None:
    """Give new receipts the tree that their transaction left behind."""
    size, root = tree.size, tree.root.hex()
    for ticket in batch:
        for receipt in ticket.receipts:
            if not receipt.tree_size:
                receipt.tree_size, receipt.root = size, root


def _facts(batch: Sequence[Ticket]) -> int:
    return sum(len(ticket.command.facts) for ticket in batch)


def _deliver(batch: Sequence[Ticket]) -> None:
    """Hand finished tickets back, once per caller."""
    by_caller: dict[int, list[Ticket]] = {}
    for ticket in batch:
        by_caller.setdefault(id(ticket.deliver), []).append(ticket)
    for tickets in by_caller.values():
        tickets[0].deliver(tickets)
