"""A small ledger in a database, copied for each test, and what verify says of a copy."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
from psycopg import sql

from api.cli.auditing import verify_stored
from api.cli.place import Place
from ledger.store import proofs
from ledger.store.database import READER, connect
from ledger.store.stored_log import StoredLog
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import signed
from ledger.transparency.outcome import Steps
from projections import schema
from projections.runner import Projector
from tests.conftest import _drop, _with_database
from tests.projections.book_writer import ORIGIN, BookWriter
from tests.projections.histories import History
from tests.transparency.small_log import key

KEY = key(1, ORIGIN)
FACTS = 600


@contextmanager
def copied(server: psycopg.Connection, server_url: str, template: str) -> Iterator[str]:
    """A copy of a database; the URL of its owner."""
    name = f"test_{uuid4().hex[:12]}"
    made = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
    server.execute(made.format(sql.Identifier(name), sql.Identifier(template)))
    granted = sql.SQL("GRANT CREATE ON DATABASE {} TO clusterledger_projector")
    server.execute(granted.format(sql.Identifier(name)))
    try:
        yield _with_database(server_url, name)
    finally:
        _drop(server, name)


def fill(url: str, facts: int = FACTS) -> None:
    """Facts of a made-up programme, and their read models."""
    writer = BookWriter(url)
    schema.ensure(url)
    History(3).facts(writer, facts)
    project(url)


def project(url: str) -> None:
    """Take the read models to the head."""
    with Projector(url) as projector:
        while projector.advance():
            pass
    with psycopg.connect(url) as conn:
        conn.execute("DELETE FROM ledger.seats")
        conn.execute(
            "INSERT INTO ledger.seats SELECT activity_id, count(*) FROM models.attendance"
            " WHERE registered AND known_to = 9223372036854775807 GROUP BY 1"
        )


def note(url: str) -> bytes:
    """The log's checkpoint as its signer would sign it."""
    with connect(url, READER, autocommit=True) as conn:
        size, root = proofs.head_of(conn)
    return signed(Checkpoint(ORIGIN, size, root).text, [KEY]).encode()


def verify(url: str, checkpoint: bytes, held: Path | None = None) -> Steps:
    """What `clusterledger verify` without a bundle says."""
    steps, keys = Steps(lambda _: None), [str(KEY.verifier)]
    with StoredLog(url) as log:
        verify_stored(Place(url, url, "a test's"), log, steps, keys, checkpoint, held)
    return steps


def problems(steps: Steps) -> str:
    """All that was found."""
    return "; ".join(f"{step.number}: {step.problem}" for step in steps.taken if not step.ok)
