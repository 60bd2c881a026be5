"""Group commit: commands that arrive while a transaction commits go into the next one together.

One transaction at a time. What a crash leaves behind: a batch is in the book as a whole
or not at all; who got no receipt posts again, and the idempotency key tells.
"""

import select
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from functools import partial
from threading import Event, Lock
from typing import Any, Final

import structlog
from eventsourcing.persistence import (
    IntegrityError,
    InterfaceError,
    OperationalError,
    PersistenceError,
)

from ledger.domain.commands import Command, Receipt, Refused
from ledger.store import clerk
from ledger.store.arrays import BigintArray, UuidArray
from ledger.store.asking import foresee, wanted_by
from ledger.store.away import is_disk_full
from ledger.store.batch import slips_of
from ledger.store.book import Book
from ledger.store.desk import Desk
from ledger.store.herald import Herald
from ledger.store.line import COMMIT, Line, Statement, Wait
from ledger.store.outcomes import DiskFull, OutcomeUnknown, WriterBusy, WriterClosed
from ledger.store.rows import found, look_since, look_up, since
from ledger.store.tickets import Deliver, Ticket, facts_of, hand_back, named
from ledger.store.tree import Tree, TreeDamaged, locked_head

log: Final = structlog.get_logger(__name__)

BATCH_FACTS_MAX: Final = 4_000
CHUNK_FACTS: Final = 500
QUEUE_FACTS_MAX: Final = 20_000
TRIES: Final = 5
GIVE_UP_S: Final = 5.0
"""By then a restarted database is back; whoever waits would rather be told."""

TRUST_AFTER: Final = 4
"""So many batches of nothing but new facts, and the next large one is believed to be another; after
each disappointment twice as many."""

_SEATS: Final = Statement(
    b"seats",
    b"INSERT INTO ledger.seats SELECT * FROM unnest($1::uuid[], $2::bigint[])"
    b" ON CONFLICT (activity_id) DO UPDATE SET taken = excluded.taken",
)
_ERASED: Final = Statement(b"erased", b"INSERT INTO ledger.erased SELECT * FROM unnest($1::uuid[])")


class NotAllNew(Exception):
    """A batch that was believed to hold new facts only does not: everything is to be looked up."""


Transaction = Generator[Wait, None, None]
"""A transaction on its way: yields what it waits for."""


class Statistics:
    """What the writer did since it started; read by the metrics."""

    def __init__(self) -> None:
        self.facts = 0
        self.batches = 0
        self.commit_s = 0.0
        self.last_batch_facts = 0
        self.last_position = 0
        self.failure: Exception | None = None
        """What kept the last batch back; None once one is recorded."""
        self.failed_at = 0.0
        """When it did, as time.time() says."""


class Writer:
    """What a process has to append, and how: a queue, and one transaction at a time from it.

    Somebody drives it: a thread (ledger.store.driving), or an event loop (api.driving) that must
    never wait and leaves to a thread what may.
    """

    def __init__(self, book: Book, tree: Tree | None = None) -> None:
        self._book = book
        self._desk = Desk(book.space)
        self._tree = tree or Tree()
        self._queue: deque[Ticket] = deque()
        self._queued_facts = 0
        self._lock = Lock()
        self._closing = False
        self._herald = Herald(book)
        self._all_new = 0  # batches in a row of nothing but new facts
        self._trust_after = TRUST_AFTER
        self.wake: Callable[[], None] = _nobody
        """Called when there is something to do, in the thread that brought it."""
        self.meanwhile: Callable[[], bool] = _nothing
        """What a thread that waits for PostgreSQL may do a little of; whether there was any."""
        self.deciding = False
        """Whether a thread is at a transaction and does not wait: it needs the interpreter."""
        self.brief_ms = 0
        """A wait before the batch is on its way is no time for others unless it lasts longer."""
        self._sent = False
        self.statistics = Statistics()

    def submit(self, command: Command, deliver: Deliver, tag: Any = None) -> Ticket:
        """Queue a command. Raises WriterBusy when the queue is full, WriterClosed when stopping."""
        facts = len(command.facts)
        if self._queue and self._queued_facts + facts > QUEUE_FACTS_MAX:
            raise WriterBusy  # before any work is done for it
        ticket = Ticket(command, slips_of(self._book.space, command), deliver, tag)
        with self._lock:
            if self._closing:
                raise WriterClosed
            if self._queue and self._queued_facts + facts > QUEUE_FACTS_MAX:
                raise WriterBusy
            self._queue.append(ticket)
            self._queued_facts += facts
        self.wake()
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

    @property
    def closing(self) -> bool:
        """Whether nothing more is taken: what is queued is still recorded."""
        return self._closing

    def stop(self) -> None:
        """Take nothing more."""
        with self._lock:
            self._closing = True
        self.wake()

    def close(self) -> None:
        """Let go, once nothing is queued any more and nobody drives."""
        self._herald.close()

    def next_batch(self) -> list[Ticket]:
        """As many tickets as fit one transaction; none where nothing is queued."""
        with self._lock:
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

    def finish(self, batch: Sequence[Ticket]) -> None:
        """Hand a batch's tickets back, and let followers know."""
        hand_back(batch)
        self._herald.tell(self.statistics.last_position)

    def abandon(self, batch: list[Ticket]) -> None:
        """Whoever drove it is gone, with this batch at hand: nobody may wait for an answer."""
        self.stop()
        while batch:
            self._fail(batch)
            hand_back(batch)
            batch = self.next_batch()

    def record_batch(self, batch: list[Ticket]) -> None:
        """Record a batch, waiting. On an error of the database again, or halved for the culprit."""
        failure: Exception | None = None
        until = time.monotonic() + GIVE_UP_S
        for attempt in range(1, TRIES + 1):
            try:
                self._transact(batch)
                return
            except (OperationalError, InterfaceError) as error:
                # The connection was lost, perhaps between COMMIT and its answer: deciding again
                # finds what was recorded by its idempotency key.
                self.forget()
                log.warning("append_interrupted", attempt=attempt, error=str(error)[:500])
                failure = DiskFull() if is_disk_full(error) else None
                if attempt == TRIES or time.monotonic() > until:
                    break
                time.sleep(0.05 * 2**attempt)
            except NotAllNew:
                self._all_new = 0
                self._trust_after *= 2
                self._desk.undo()
                self._tree.forget()
            except TreeDamaged as error:
                self.forget()
                log.error("tree_damaged", tree_size=error.case["tree_size"])
                self._fail(batch, error)
                return
            except PersistenceError as error:
                self.forget()
                log.error("append_failed", **named(batch), error=str(error)[:500])
                self._halve(batch)
                return
            except Exception:  # the edge of the thread: whoever waits gets an answer
                self.forget()
                log.exception("append_defect", **named(batch))
                self._halve(batch)
                return
        self._fail(batch, failure)

    @property
    def has_line(self) -> bool:
        """Whether a transaction can begin without connecting first."""
        return self._book.recorder.line is not None

    def undo(self) -> None:
        """After a transaction that was given up before anything was sent: as before it."""
        self._desk.undo()

    def forget(self) -> None:
        """After a failed transaction: nothing kept can be trusted."""
        self._all_new = 0
        self._desk.forget()
        self._tree.forget()

    def _halve(self, batch: list[Ticket]) -> None:
        if len(batch) == 1:
            self._fail(batch)
            return
        middle = len(batch) // 2
        self.record_batch(batch[:middle])
        self.record_batch(batch[middle:])

    def _fail(self, batch: list[Ticket], error: Exception | None = None) -> None:
        self.statistics.failure = error or OutcomeUnknown()
        self.statistics.failed_at = time.time()
        for ticket in batch:
            ticket.error = self.statistics.failure

    def _transact(self, batch: list[Ticket]) -> None:
        """A transaction in a thread that waits."""
        socket = select.poll()
        self.deciding = True
        try:
            for fileno, events in self.transaction(batch):
                socket.register(fileno, events)
                if socket.poll(0 if self._sent else self.brief_ms):
                    continue
                self.deciding = False
                while self.meanwhile() and not socket.poll(0):
                    pass
                socket.poll()
                self.deciding = True
        finally:
            self.deciding = False

    def transaction(self, batch: list[Ticket], *, patient: bool = True) -> Transaction:
        """Lock, look up, decide, append, commit: two round trips, and a yield for each wait.

        Where nobody may be kept waiting, `patient` is false: raises WouldWait where more must be
        asked than was sent ahead. Raises what the database says, as the library names it.
        """
        large = patient and facts_of(batch) >= CHUNK_FACTS
        trusting = large and self._all_new >= self._trust_after
        try:
            yield from self._recorded(batch, patient=patient, trusting=trusting)
        except IntegrityError as error:
            if trusting:
                raise NotAllNew from error
            raise

    def _recorded(self, batch: list[Ticket], *, patient: bool, trusting: bool) -> Transaction:
        desk = self._desk
        self._sent = False
        wanted = wanted_by(desk, (ticket.slips for ticket in batch))
        recorder = self._book.recorder
        with recorder.appending() as line:
            line.patient = patient
            recorder._lock_table(line)
            look_up(line, wanted, trusting=trusting)
            look_since(line, desk.position)
            _, locked, looked_up, appended = yield from line.answering()
            head = locked_head(locked)
            others, there = since(appended), found(looked_up)
            desk.begin(
                line,
                position=head.position,
                recorded_at=head.recorded_at,
                wanted=wanted,
                found=there,
                since=others,
            )
            self._tree.begin(line, head, others.leaf_hashes)
            if patient:
                foresee(desk, wanted)
            early = partial(self._copy, line, undecided=True) if trusting else None
            for ticket in batch:
                try:
                    command = ticket.command
                    ticket.answers = clerk.take(desk, command.authority, ticket.slips, early)
                    ticket.error = None
                except Refused as refused:
                    if trusting:
                        raise NotAllNew from refused
                    ticket.error = refused
                if len(desk.rows) >= CHUNK_FACTS:
                    self._copy(line)
                line.push()
            all_new = desk.position - head.position == facts_of(batch) and not any(
                id.int in wanted.firsts for id in there.streams
            )
            if trusting and not all_new:
                raise NotAllNew
            self._append(line)
            self._guard(line)
            self._sent = True
            yield from line.copied()
            began = time.perf_counter()
            line.send(COMMIT)
            yield from line.answering()
        recorder.raise_commit_warning()
        self._all_new = self._all_new + 1 if all_new else 0
        self._count(desk.recorded, time.perf_counter() - began)
        size, root = self._tree.head
        tree = (size, root.hex())
        for ticket in batch:
            ticket.tree = tree
        desk.keep()

    def _copy(self, line: Line, *, undecided: bool = False) -> None:
        """Send facts on their way, their mentions later."""
        rows = self._desk.drain(undecided=undecided)
        self._book.recorder.copy(line, rows, self._desk.recorded_at)
        self._tree.append([row.leaf_hash for row in rows])

    def _append(self, line: Line) -> None:
        """Send facts and all mentions on their way; errors show when the transaction ends."""
        rows = self._desk.drain()
        mentioned = self._desk.mentions.rows()
        if not (rows or mentioned):
            return
        self._book.recorder._insert_stored_events(
            line,
            (),
            rows=rows,
            mentioned=mentioned,
            recorded_at=self._desk.recorded_at,
        )
        self._tree.append([row.leaf_hash for row in rows])

    def _guard(self, line: Line) -> None:
        """The head, and what else follows from the batch."""
        desk = self._desk
        if desk.recorded:
            self._tree.finish(line, desk.recorded_at)
        if seats := desk.seats.changed:
            line.send(_SEATS, UuidArray.of(list(seats)), BigintArray.of(list(seats.values())))
        if desk.erased:
            line.send(_ERASED, UuidArray.of(desk.erased))

    def _count(self, facts: int, seconds: float) -> None:
        self.statistics.facts += facts
        self.statistics.batches += 1
        self.statistics.commit_s += seconds
        self.statistics.last_batch_facts = facts
        self.statistics.last_position = self._desk.position
        self.statistics.failure = None


def _nobody() -> None:
    """Nobody drives yet."""


def _nothing() -> bool:
    """Nothing to do while waiting."""
    return False
