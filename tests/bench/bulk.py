"""Figures of volume: loading, rebuilding, the whole demonstration, and peers to compare with."""

import time
from collections.abc import Iterator
from typing import Any, Final
from uuid import uuid4

import orjson
import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from psycopg.conninfo import conninfo_to_dict

from ledger.store.book import Book
from tests.bench import bare
from tests.bench.children import apart, beside
from tests.bench.client import Job, loaded
from tests.bench.requests import gets
from tests.bench.rows import Row, row
from tests.bench.stage import Stage, running

DEMO_SECONDS_MAX: Final = 30
REBUILD_FACTS_PER_S: Final = 100_000
PAGE_FACTS: Final = 5_000


def bulk(stage: Stage) -> Iterator[Row]:
    """The loader's path, beside parse, hash and COPY of the same facts."""
    limit = stage.copied()
    yield row("bulk", stage.loaded(), "facts/s", limit)


def rebuild(stage: Stage) -> Iterator[Row]:
    """A rebuild without and with live rows to compare with, beside reading and decoding alone."""
    yield row("rebuild_first", stage.rebuilt(), "facts/s", REBUILD_FACTS_PER_S)
    value = stage.rebuild()
    yield row("rebuild", value, "facts/s", REBUILD_FACTS_PER_S)
    reading, _ = apart(_read_all, stage.place.url)
    yield row("rebuild_beside_reading", value, "facts/s", reading)


def _read_all(url: str) -> float:
    """Facts a second that are read in order and decoded, and nothing else."""
    book = Book(url)
    began = time.perf_counter()
    after = 0
    while leaves := book.leaves(after, PAGE_FACTS):
        for leaf in leaves:
            orjson.loads(leaf)
        after += len(leaves)
    seconds = time.perf_counter() - began
    book.close()
    return after / seconds


def demo_seconds(stage: Stage) -> Iterator[Row]:
    """`clusterledger demo` in an empty folder: loaded, projected, checked, and it answers."""
    folder = str(stage.folder / f"demo-{uuid4().hex[:8]}")
    began = time.perf_counter()
    arguments = ("--scale", f"{stage.sizes.scale:g}", "--data-dir", folder, "--port", "0")
    with running("demo", *arguments):
        seconds = time.perf_counter() - began
    yield row("demo_seconds", seconds, "s", DEMO_SECONDS_MAX)


class Attendance(Aggregate):
    """What the library's stock peer records."""

    @event("Recorded")
    def __init__(self, activity_id: str, person_ref: str) -> None:
        self.activity_id = activity_id
        self.person_ref = person_ref


def peers(stage: Stage) -> Iterator[Row]:
    """What others reach on this machine, for orientation."""
    rate, _ = apart(_save, stage.place.owner_url, stage.sizes.seconds)
    yield row("peer_eventsourcing_save", rate, "facts/s")
    with beside(bare.answering, b'{"hello":"world"}') as port:
        seconds = stage.sizes.seconds
        job = Job(port, gets, ("none", "/", int(60_000 * seconds)), seconds=seconds)
        yield row("peer_aiohttp_hello", loaded(job).per_s, "requests/s")


def _save(url: str, seconds: float) -> float:
    """Facts a second through the library's Application.save, as it comes, one after the other."""
    given: dict[str, Any] = conninfo_to_dict(url)
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA IF NOT EXISTS stock")
    app: Application[Any] = Application(
        env={
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_DBNAME": given["dbname"],
            "POSTGRES_HOST": given["host"],
            "POSTGRES_PORT": str(given.get("port", 5432)),
            "POSTGRES_USER": given["user"],
            "POSTGRES_PASSWORD": str(given.get("password", "")) or "none",
            "POSTGRES_SCHEMA": "stock",
        }
    )
    began = time.perf_counter()
    saved = 0
    while time.perf_counter() - began < seconds:
        app.save(Attendance(str(uuid4()), str(uuid4())))
        saved += 1
    rate = saved / (time.perf_counter() - began)
    app.close()
    return rate
