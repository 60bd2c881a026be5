"""Rebuild: the read models anew from the facts, beside the live ones, compared, swapped.

The service answers throughout. A crash or a refusal leaves the live tables as they are; what is
left of the new ones is dropped by the next attempt.
"""

from collections.abc import Callable, Sequence
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
from projections.models.attendances import ATTENDANCE
from projections.models.base import Table
from projections.models.trail import TRAIL
from projections.progress import position as live_position
from projections.runner import MODELS_CHANNEL, Projector

LARGE: Final[tuple[tuple[Table, ...], ...]] = ((TRAIL,), (ATTENDANCE,))
"""Tables of a size with the book. Only indexes are added to them, no constraints."""
SMALL: Final[tuple[tuple[Table, ...], ...]] = (
    tuple(table for table in TABLES if table is not TRAIL and table is not ATTENDANCE),
)

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
            make(conn, schemas.NEXT)
            with Projector(url, schemas.NEXT, bulk=True) as projector:
                differences = None
                if schemas.made_by(conn, schemas.LIVE) == schemas.fingerprint():
                    differences = compared(
                        url, conn, projector, progress, lambda: _finish(url, LARGE)
                    )
                    if differences and not accept:
                        raise Differs(differences)
                fill(projector, projector.book.head().position, progress)
                _finish(url, SMALL if differences is not None else (*LARGE, SMALL[0]))
                position = _swap(conn, projector)
        except BaseException:
            schemas.drop(conn, schemas.NEXT)
            raise
    seconds = monotonic() - begun
    log.info("projection_rebuilt", position=position, seconds=round(seconds, 3))
    return Report(position, seconds, None if differences is None else tuple(differences))


def make(conn: Connection[Any], schema: str) -> None:
    """An empty schema without indexes, in place of what an earlier attempt left."""
    with conn.transaction():
        schemas.drop(conn, schema)
        schemas.make(conn, schema, extras=False)


def tail(projector: Projector, upto: int) -> None:
    """The last steps to a position, in small batches; under the runner's lock they are few."""
    while projector.advance(upto=upto):
        pass


def compared(
    url: str,
    conn: Connection[Any],
    projector: Projector,
    progress: Progress | None,
    beside: Callable[[], None] | None = None,
) -> list[Difference]:
    """Fill the new tables to where the live ones are, and compare the two in one snapshot.

    The runner waits for the last step only, not for the comparison. `beside` runs during the
    comparison: it may make indexes, which takes no lock that a reader waits for.
    """
    fill(projector, live_position(conn), progress)
    with connect(url, PROJECTOR, limits=UNLIMITED) as snapshot:
        snapshot.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        with conn.transaction():
            schemas.lock(conn, f"advance:{schemas.LIVE}")
            tail(projector, live_position(conn))
            snapshot.execute("SELECT")
        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(beside) if beside is not None else None
            differences = compare(snapshot, schemas.LIVE, projector.schema)
            if other is not None:
                other.result()
        return differences


def _finish(url: str, groups: Sequence[Sequence[Table]]) -> None:
    """Indexes, constraints and statistics; each group on a connection of its own."""
    with ThreadPoolExecutor(len(groups)) as pool:
        for done in [pool.submit(_finish_group, url, group) for group in groups]:
            done.result()


def _finish_group(url: str, tables: Sequence[Table]) -> None:
    with connect(url, PROJECTOR, limits=UNLIMITED) as conn:
        schemas.add_extras(conn, schemas.NEXT, tables)
        _analyse(conn, [table.name for table in tables])


def _analyse(conn: Connection[Any], names: list[str]) -> None:
    for name in names:
        conn.execute(f"ANALYZE {schemas.NEXT}.{name}")


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
