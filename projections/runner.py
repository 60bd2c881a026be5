"""The runner: advances all read models together, with their position, in one transaction.

The position is the eventsourcing library's tracking row, written in the transaction of the rows it
stands for. A crash anywhere leaves the tables as they were at the position they name.
"""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from threading import Event
from time import monotonic
from typing import Any, Final, Self

import psycopg
import structlog
from eventsourcing.persistence import DataError, IntegrityError, PersistenceError, Tracking
from eventsourcing.postgres import PostgresTrackingRecorder
from psycopg import Connection, Cursor
from psycopg.rows import tuple_row

from ledger.store.book import Book, BookDatastore, NoLedger
from ledger.store.database import PROJECTOR, UNLIMITED, connect
from ledger.store.herald import NOTIFY
from projections import schema as schemas
from projections.batches import Source
from projections.express import glance
from projections.folding import Changes, Unfoldable
from projections.progress import alarm_of, clear_alarm, raise_alarm
from projections.warming import Warmer
from projections.writing import Damaged, Writer

BATCH_FACTS: Final = 10_000
"""Facts in one transaction when following: about 100 ms. As many come between two pulls at most."""
TRACKING_TABLE: Final = "tracking"
FACTS_CHANNEL: Final = "clusterledger_facts"
"""Notified by writers after their commits."""
MODELS_CHANNEL: Final = "clusterledger_models"
"""Notified by the runner after its commits; the payload is the position."""
POLL_S: Final = 1.0
PULL_EVERY_S: Final = 0.1
LOADED_PULL_EVERY_S: Final = 0.2
LOADED_FACTS: Final = 400
"""Facts of a pull that was one under load. A transaction takes what came between two pulls, and has
6 ms of work of its own, for which the writers pay. An idle ledger's next fact does not wait."""
STANDBY_S: Final = 0.5
RETRY_MAX_S: Final = 30.0

_INTERRUPTIONS: Final = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    PersistenceError,
    NoLedger,
)
"""What waiting may cure."""

log = structlog.get_logger(__name__)


class Moved(Exception):
    """Somebody else advanced the read models meanwhile. Nothing was written; read on from there."""


class TrackingRecorder(PostgresTrackingRecorder):
    """The library's recorder, its transaction handed out: rows and position commit together."""

    def __init__(self, url: str, schema: str, *, bulk: bool = False) -> None:
        self._bulk = bulk
        datastore = BookDatastore(url, PROJECTOR, pool_size=1, max_overflow=1)
        datastore.schema = schema
        super().__init__(datastore, tracking_table_name=TRACKING_TABLE)
        self.sql_create_statements.clear()  # projections.schema makes the table

    def position(self) -> int:
        """The last position that is in the tables."""
        return self.max_tracking_id(schemas.APPLICATION) or 0

    @contextmanager
    def advancing(self, after: int, upto: int) -> Iterator[Cursor[Any]]:
        """One transaction that takes the tables from `after` to `upto`. Raises Moved."""
        with self.datastore.transaction(commit=True) as curs:
            # A crash may take the last of these transactions back, rows and position together, and
            # the runner makes them again: the disk is left to those who acknowledge facts.
            curs.execute("SET LOCAL synchronous_commit = off")
            if self._bulk:
                curs.execute("SET LOCAL statement_timeout = 0")
            schemas.lock(curs.connection, f"advance:{self.datastore.schema}")
            # Only now: under the lock nobody else moves it.
            if (self._max_tracking_id(schemas.APPLICATION, curs) or 0) != after:
                raise Moved
            with curs.connection.cursor(row_factory=tuple_row) as rows:
                yield rows
            self._insert_tracking(curs, Tracking(schemas.APPLICATION, upto))

    def close(self) -> None:
        """Close its connections."""
        self.datastore.close()


class Projector:
    """Advances the read models of one schema. One thread at a time."""

    def __init__(
        self, url: str, schema: str = schemas.LIVE, *, express: bool = True, bulk: bool = False
    ) -> None:
        self.book = Book(url, PROJECTOR)
        self.source = Source(self.book, express=express)
        self.recorder = TrackingRecorder(url, schema, bulk=bulk)
        self.schema = schema
        with self.book.cursor() as curs:
            self._writer = Writer(curs, schema)

    def position(self) -> int:
        """The last position that is in the tables."""
        return self.recorder.position()

    def fold(self, after: int, states: Sequence[bytes]) -> Changes:
        """What stored leaves change. Raises Unfoldable; what is remembered is then forgotten."""
        try:
            return self.source.fold(after, states)
        except Exception:
            self.source.forget()
            raise

    def apply(self, changes: Changes) -> None:
        """Write changes and position in one transaction. Raises Moved, Damaged, and the library's
        IntegrityError or DataError for rows that the tables refuse.
        """
        try:
            with self.recorder.advancing(changes.after, changes.upto) as curs:
                self._writer.write(curs, changes)
        except Exception:
            self.source.forget()
            raise

    def advance(self, limit: int = BATCH_FACTS, upto: int | None = None) -> int:
        """Apply the next facts, at most `limit` of them, none beyond `upto`; how many they were.

        Raises Unfoldable once every fact before the one in the way is applied.
        """
        after = self.position()
        states = self.book.leaves(after, limit, upto)
        if not states:
            return 0
        try:
            changes = self.fold(after, states)
        except Unfoldable as stopped:
            if stopped.position == after + 1:
                raise
            return self.advance(stopped.position - 1 - after)
        try:
            self.apply(changes)
        except (IntegrityError, DataError, Damaged) as error:
            if len(states) == 1:
                reason = f"{type(error).__name__}: {error}"
                raise Unfoldable(after + 1, glance(states[0]).type, reason) from error
            # One of them does not fit the tables: halve until it stands alone.
            return self.advance(len(states) // 2)
        return len(states)

    def close(self) -> None:
        """Close its connections."""
        self.recorder.close()
        self.book.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def follow(url: str, stop: Event) -> None:
    """Keep the live read models at the head until `stop` is set.

    Any number of processes may call it: one is active, the others stand by and take over when its
    connection ends. A lost database is waited for. A fact that cannot be folded raises the alarm
    and is tried again, never skipped.
    """
    while not stop.is_set():
        try:
            with connect(url, PROJECTOR, autocommit=True, limits=UNLIMITED) as conn:
                _Follower(url, conn, stop).run()
        except _INTERRUPTIONS as error:
            log.warning("projection_interrupted", error=f"{type(error).__name__}: {error}".strip())
            stop.wait(POLL_S)


class _Follower:
    """One connection's time as the active runner; `conn` holds the lock and listens."""

    def __init__(self, url: str, conn: Connection[Any], stop: Event) -> None:
        self._url = url
        self._conn = conn
        self._stop = stop
        self._failures = 0

    def run(self) -> None:
        while not schemas.try_session_lock(self._conn, "runner"):
            if self._stop.wait(STANDBY_S):
                return
        schemas.ensure(self._url)
        # LISTEN before the first pull: a fact committed between the two would wake nobody.
        self._conn.execute(f"LISTEN {FACTS_CHANNEL}")
        with Projector(self._url) as projector, closing(Warmer(self._url)) as self._warmer:
            log.info("projection_started", position=projector.position())
            self._failures = int(alarm_of(self._conn) is not None)
            self._warmer.moved(projector.position())
            while not self._stop.is_set():
                if schemas.made_by(self._conn, schemas.LIVE) != schemas.fingerprint():
                    self._outdated()
                else:
                    self._pull(projector)

    def _pull(self, projector: Projector) -> None:
        """Everything there is, then wait for more."""
        began, loaded = monotonic(), False
        try:
            while facts := projector.advance():
                loaded |= facts >= LOADED_FACTS
                self._announce(projector.position())
                if self._stop.is_set():
                    return
                if facts < BATCH_FACTS:
                    break  # of what came meanwhile a notification tells
        except Moved:
            return
        except Unfoldable as stopped:
            self._announce(projector.position())
            self._alarm(stopped)
            return
        self._recovered()
        self._await(began + (LOADED_PULL_EVERY_S if loaded else PULL_EVERY_S))

    def _announce(self, position: int) -> None:
        """Tell the readers, in a statement of its own: a hint that costs the commit nothing."""
        self._conn.execute(NOTIFY, (MODELS_CHANNEL, str(position)))
        self._warmer.moved(position)

    def _await(self, earliest: float) -> None:
        """Until a notification or the poll says there may be more, and not before `earliest`."""
        for _ in range(4):
            if self._stop.is_set() or list(self._conn.notifies(timeout=POLL_S / 4, stop_after=1)):
                self._stop.wait(max(earliest - monotonic(), 0))
                return

    def _alarm(self, stopped: Unfoldable) -> None:
        raise_alarm(self._conn, stopped)
        wait_s = min(POLL_S * 2**self._failures, RETRY_MAX_S)
        self._failures = min(self._failures + 1, 10)
        log.error(
            "projection_stopped",
            position=stopped.position,
            topic=stopped.topic,
            error=stopped.error,
            retry_s=wait_s,
        )
        self._stop.wait(wait_s)

    def _recovered(self) -> None:
        if self._failures:
            clear_alarm(self._conn)
            self._failures = 0
            log.info("projection_resumed")

    def _outdated(self) -> None:
        """Made by other code: rows of ours would not fit. A rebuild swaps in tables that do."""
        log.error("projection_outdated", remedy="clusterledger rebuild")
        self._stop.wait(RETRY_MAX_S)
