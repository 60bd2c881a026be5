"""Check: everything derived against a replay of the facts, and the facts against their hashes."""

from typing import Any, Final, NamedTuple

from psycopg import Connection

from ledger.store.book import Book
from ledger.store.database import PROJECTOR, UNLIMITED, connect
from projections import schema as schemas
from projections.auditing import Audit, seat_finding
from projections.bulk import Progress
from projections.comparing import Difference
from projections.folding import Unfoldable
from projections.progress import position as live_position
from projections.rebuild import RebuildRunning, compared, filled, tail
from projections.runner import Projector
from projections.trees import Finding

SEATS_ATTEMPTS: Final = 20
ONE_KIND_MAX: Final = 10
"""Findings about single facts that are reported; a broken book has millions."""


class Findings(NamedTuple):
    """What a check found. `position`: how far the read models were; `head`: how far the book."""

    head: int
    position: int
    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether everything is as it must be."""
        return not self.findings


def check(url: str, progress: Progress | None = None) -> Findings:
    """Compare the read models and the guard tables with a replay. Changes nothing.

    The service may go on meanwhile: each part looks at one snapshot. Raises RebuildRunning.
    """
    head, found = _check_book(url, progress)
    position, more = _check_models(url, progress)
    return Findings(head, position, (*found, *more))


def _check_book(url: str, progress: Progress | None) -> tuple[int, list[Finding]]:
    book = Book(url, PROJECTOR)
    try:
        space = book.space
    finally:
        book.close()
    with connect(url, PROJECTOR, limits=UNLIMITED) as conn:
        conn.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        conn.execute("SET LOCAL work_mem = '64MB'")
        row = conn.execute(
            "SELECT position, coalesce((SELECT max(notification_id) FROM ledger.facts), 0)"
            " FROM ledger.head"
        ).fetchone()
        assert row is not None
        head, last = row
        found: list[Finding] = []
        if head != last:
            found.append(Finding("ledger.head", f"says {head}, the last fact is {last}"))
        audit = Audit(conn, space, last)
        for finding in audit.facts(progress):
            if len(found) < ONE_KIND_MAX:
                found.append(finding)
        found += audit.guards()
        return head, found


def _check_models(url: str, progress: Progress | None) -> tuple[int, list[Finding]]:
    schemas.ensure(url)
    with connect(url, PROJECTOR, autocommit=True, limits=UNLIMITED) as conn:
        if not schemas.try_session_lock(conn, "rebuild"):
            raise RebuildRunning
        if schemas.made_by(conn, schemas.LIVE) != schemas.fingerprint():
            return 0, [Finding(schemas.LIVE, "was made by other code and needs a rebuild")]
        try:
            filled(url, conn, schemas.CHECKED, progress)
            with Projector(url, schemas.CHECKED, bulk=True) as projector:
                return _compare_models(url, conn, projector)
        except Unfoldable as stopped:
            return live_position(conn), [Finding(f"fact {stopped.position}", str(stopped))]
        finally:
            schemas.drop(conn, schemas.CHECKED)


def _compare_models(
    url: str, conn: Connection[Any], projector: Projector
) -> tuple[int, list[Finding]]:
    differences = compared(url, conn, projector)
    found = [Finding(f"{schemas.LIVE}.{d.table}", _told(d)) for d in differences]
    return projector.position(), found + _check_seats(url, projector)


def _check_seats(url: str, projector: Projector) -> list[Finding]:
    """Seats move with the facts: they are compared in a snapshot whose head the replay is at."""
    for _ in range(SEATS_ATTEMPTS):
        tail(projector, projector.book.head().position)
        with connect(url, PROJECTOR, limits=UNLIMITED) as snapshot:
            snapshot.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            row = snapshot.execute("SELECT position FROM ledger.head").fetchone()
            assert row is not None
            if row[0] == projector.position():
                finding = seat_finding(snapshot, schemas.CHECKED)
                return [] if finding is None else [finding]
    return [Finding("ledger.seats", "could not be compared: facts came faster than their replay")]


def _told(difference: Difference) -> str:
    return (
        f"{difference.rows} rows differ from the replay, first {difference.live}"
        f" is replayed as {difference.rebuilt}"
    )
