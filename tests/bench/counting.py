"""Figures of counting: each definition in PostgreSQL, and all of them from facts alone."""

import sys
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

from api.demonstration import PROGRAMME_END
from ledger.store.book import Book, origin_of
from ledger.store.database import READER, connect
from projections import progress
from projections.figures.catalogue import CATALOGUE
from projections.figures.compute import compute
from projections.figures.engines import Engine, PostgresEngine
from projections.recount.engine import from_leaves
from tests.bench.children import apart
from tests.bench.rows import Row, row
from tests.bench.stage import Stage

PAGE_FACTS: Final = 5_000
KNOWN_AT_PARTS: Final = 3
"""Positions at a third, two thirds, and the whole of the ledger."""
RUNS: Final = 3


def figures_worst_s(stage: Stage) -> Iterator[Row]:
    """The slowest definition over the whole period, at any of some positions; nothing is cached."""
    stage.rebuilt()
    with connect(stage.place.url, READER, autocommit=True) as conn:
        engine, head = PostgresEngine(conn), progress.position(conn)
        slowest, name = max(
            (min(_seconds(engine, figure, known_at) for _ in range(RUNS)), figure)
            for figure in CATALOGUE
            for known_at in (head * part // KNOWN_AT_PARTS for part in range(1, KNOWN_AT_PARTS + 1))
        )
    yield _worst("figures_worst_s", slowest, name, 0.3)


def figures_by_worst_s(stage: Stage) -> Iterator[Row]:
    """The slowest table by a dimension, with the whole value beside it; nothing is cached."""
    stage.rebuilt()
    with connect(stage.place.url, READER, autocommit=True) as conn:
        engine, head = PostgresEngine(conn), progress.position(conn)
        slowest, name = max(
            (_seconds(engine, figure, head, by=by), f"{figure} by {by}")
            for figure, definition in CATALOGUE.items()
            for by in definition.dimensions
        )
    yield _worst("figures_by_worst_s", slowest, name)


def _worst(row_name: str, seconds: float, name: str, limit: float | None = None) -> Row:
    print(f"{row_name}: {name}", file=sys.stderr)
    return row(row_name, seconds, "s", limit)


def _seconds(engine: Engine, figure: str, known_at: int, *, by: str | None = None) -> float:
    began = time.perf_counter()
    compute(
        engine,
        CATALOGUE[figure],
        period_from=None,
        period_to=PROGRAMME_END,
        known_at=known_at,
        by=by,
    )
    return time.perf_counter() - began


def recount_seconds(stage: Stage) -> Iterator[Row]:
    """From facts.ndjson to every figure, in DuckDB, in a process of its own."""
    stage.loaded()
    file = stage.folder / "facts.ndjson"
    with closing(Book(stage.place.url)) as book, file.open("wb") as written:
        after = 0
        while leaves := book.leaves(after, PAGE_FACTS):
            written.writelines(bytes(leaf) + b"\n" for leaf in leaves)
            after += len(leaves)
    seconds, peak = apart(_recount, str(file), str(origin_of(stage.place.url)))
    file.unlink()
    stage.watch.note("recount", peak)
    yield row("recount_seconds", seconds, "s", 10)


def _recount(file: str, origin: str) -> float:
    began = time.perf_counter()
    with from_leaves(Path(file), origin=origin) as engine:
        for figure in CATALOGUE:
            _seconds(engine, figure, engine.position)
    return time.perf_counter() - began
