"""Rebuild: the read models anew from the facts, beside the live ones, compared, swapped.

The service answers throughout. A crash or a refusal leaves the live tables as they are; what is
left of the new ones is dropped by the next attempt.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from time import monotonic
from typing import Any, Final, NamedTuple

import structlog
from psycopg import Connection

from ledger.store.database import PROJECTOR, UNLIMITED, connect
from ledger.store.errors import StoreError
from projections import schema as schemas
from projections.bulk import Progress, fill
from projections.comparing import Difference, compare
from projections.models import TABLES
from projections.models.activities import ACTIVITY
from projections.models.attendances import ATTENDANCE
from projections.models.base import Table
from projections.models.trail import TRAIL
from projections.progress import head
from projections.progress import position as live_position
from projections.runner import MODELS_CHANNEL, Projector

_LARGEST: Final = (TRAIL, ATTENDANCE, ACTIVITY)
LARGEST_FIRST: Final = (*_LARGEST, *(table for table in TABLES if table not in _LARGEST))
"""The order in which tables are indexed: what takes longest begins first."""
AT_ONCE: Final = 2
"""Tables that are indexed at the same time."""
NOTE_EVERY_S: Final = 0.5

log = structlog.get_logger(__name__)


class RebuildRunning(StoreError):
    """Another rebuild is running on this database."""


class Differs(StoreError):
    """The rebuilt read models differ from the live ones, which stay: {differences}."""

    def __init__(self, differences: list[Difference]) -> None:
        self.differences = tuple(differences)
        super().__init__(differences="; ".join(map(str, differences)))


class Report(NamedTuple):
    """What a rebuild did. `differences` is None where the live tables were of other code."""

    position: int
    seconds: float
    differences: tuple[Difference, ...] | None

    @property
    def facts_per_s(self) -> float:
        """Facts folded, written and compared a second."""
        return self.position / self.seconds if self.seconds else 0.0


def rebuild(url: str, progress: Progress | None = None, *, accept: bool = False) -> Report:
    """Build all read models anew and swap them in.

    Raises Differs when the live tables of the same code have other rows (unless `accept`),
    RebuildRunning, Unfoldable. Then the live tables are as before.
    """
    begun = monotonic()
    schemas.ensure(url)
    with connect(url, PROJECTOR, autocommit=True, limits=UNLIMITED) as conn:
        if not schemas.try_session_lock(conn, "rebuild"):
            raise RebuildRunning
        try:
            filled(url, conn, schemas.NEXT, _noted(conn, progress))
            with Projector(url, schemas.NEXT, bulk=True) as projector:
                differences = None
                if schemas.made_by(conn, schemas.LIVE) == schemas.fingerprint():
                    differences = compared(url, conn, projector, lambda: _finish(url))
                    if differences and not accept:
                        raise Differs(differences)
                else:
                    _finish(url)
                position = _swap(conn, projector)
        except BaseException:
            schemas.drop(conn, schemas.NEXT)
            raise
        schemas.unlock_session(conn, "rebuild")
    seconds = monotonic() - begun
    log.info("projection_rebuilt", position=position, seconds=round(seconds, 3))
    return Report(position, seconds, None if differences is None else tuple(differences))


def filled(url: str, conn: Connection[Any], schema: str, progress: Progress | None = None) -> None:
    """A schema in place of what an earlier attempt left, filled to the head, its rows found by
    their keys. `conn` is in autocommit. Raises Unfoldable.
    """
    with conn.transaction():
        schemas.drop(conn, schema)
        schemas.make(conn, schema, bare=True)
    fill(url, schema, head(conn), progress)
    _each_table(url, lambda indexing, table: schemas.add_keys(indexing, schema, table))


def _noted(conn: Connection[Any], progress: Progress | None) -> Progress:
    """Tells the caller, and at most every NOTE_EVERY_S whoever asks the database."""
    noted_at = -NOTE_EVERY_S

    def note(done: int, facts: int) -> None:
        nonlocal noted_at
        if monotonic() - noted_at >= NOTE_EVERY_S:
            noted_at = monotonic()
            schemas.note_filled(conn, schemas.NEXT, done)
        if progress is not None:
            progress(done, facts)

    return note


def tail(projector: Projector, upto: int) -> None:
    """The last steps to a position, in small batches; under the runner's lock they are few."""
    while projector.advance(upto=upto):
        pass


def compared(
    url: str, conn: Connection[Any], projector: Projector, beside: Callable[[], None] | None = None
) -> list[Difference]:
    """The live tables against those of a projector that is about as far, in one snapshot.

    The runner waits for the last step only, not for the comparison. `beside` runs during the
    comparison: it may make indexes, which takes no lock that a reader of the live tables waits for.
    """
    tail(projector, live_position(conn))
    with connect(url, PROJECTOR, limits=UNLIMITED) as snapshot:
        snapshot.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with conn.transaction():
            schemas.lock(conn, f"advance:{schemas.LIVE}")
            tail(projector, live_position(conn))
            snapshot.execute("SELECT")
        with ThreadPoolExecutor(1) as pool:
            other = None
            if beside is not None:
                # Together they need less time when each has one processor.
                snapshot.execute("SET LOCAL max_parallel_workers_per_gather = 0")
                other = pool.submit(beside)
            differences = compare(snapshot, schemas.LIVE, projector.schema)
            snapshot.rollback()
            if other is not None:
                other.result()
        return differences


def _finish(url: str) -> None:
    _each_table(url, lambda conn, table: schemas.add_extras(conn, schemas.NEXT, table))


def _each_table(url: str, work: Callable[[Connection[Any], Table], None]) -> None:
    """Do something to each table, each in a transaction of its own: whoever waits for a lock holds
    no other one."""
    waiting = iter(LARGEST_FIRST)

    def some() -> None:
        with connect(url, PROJECTOR, autocommit=True, limits=UNLIMITED) as conn:
            for table in waiting:
                with conn.transaction():
                    work(conn, table)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        for done in [pool.submit(some) for _ in range(AT_ONCE)]:
            done.result()


def _swap(conn: Connection[Any], projector: Projector) -> int:
    """Swap under the runner's lock, not behind where the live tables are; the new position."""
    tail(projector, projector.book.head().position)
    with conn.transaction():
        schemas.lock(conn, f"advance:{schemas.LIVE}")
        tail(projector, live_position(conn))
        position = projector.position()
        schemas.swap(conn)
    conn.execute("SELECT pg_notify(%s, %s)", (MODELS_CHANNEL, str(position)))
    return position
