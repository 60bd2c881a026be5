"""What goes into an audit bundle of a stored log: facts, tiles, proofs, and the filed reports."""

from typing import Any

from psycopg import Connection

from ledger.store.stored_log import StoredLog
from ledger.transparency.bundle import Contents
from ledger.transparency.checkpoint import Checkpoint
from projections import progress
from projections.figures.engines import PostgresEngine
from projections.reports.bundled import files_of, newest
from projections.reports.filing import Filed, filings


def reports_of(conn: Connection[Any], checkpoint: Checkpoint, *, after: int = 0) -> list[Filed]:
    """The newest filing of each report that the checkpoint covers and the read models know; of a
    range those that were filed in it, as it holds no proof of others."""
    found = newest(filings(conn, upto=min(checkpoint.size, progress.position(conn))))
    return [filing for filing in found if filing.position > after]


def contents_of(
    log: StoredLog,
    conn: Connection[Any],
    note: bytes,
    checkpoint: Checkpoint,
    reports: list[Filed],
    *,
    after: int = 0,
    previous: tuple[bytes, Checkpoint] | None = None,
) -> Contents:
    """A bundle's contents; the reports are made while they are written. Reading connections."""
    return Contents(
        note=note,
        checkpoint=checkpoint,
        recorded_at=log.recorded_at(checkpoint.size),
        after=after,
        previous=previous,
        proven=[filing.position for filing in reports],
        files=files_of(PostgresEngine(conn), reports),
    )
