"""Figures of writing over HTTP: single facts, batches, two processes, and how models follow."""

import time
from collections.abc import Callable, Iterator
from statistics import median
from threading import Event, Thread
from uuid import uuid4

import orjson

from ledger.store.database import READER, connect
from projections import progress
from tests.bench import bare
from tests.bench.children import beside
from tests.bench.client import Job, Report, loaded
from tests.bench.requests import BATCH_FACTS, batches, singles
from tests.bench.rows import Failed, Row, row
from tests.bench.stage import Service, Stage

SINGLES_PER_S_MAX = 40_000
BATCHES_PER_S_MAX = 150
BATCH_CONNECTIONS = 4
PACED_FACTS_PER_S = 5_000
PACED_BATCH = 50
IDLE_S = 0.25


def _singles(stage: Stage, port: int, key: str) -> Report:
    seconds = stage.sizes.seconds
    count = int(SINGLES_PER_S_MAX * seconds)
    return loaded(Job(port, singles, (key, uuid4().hex, count), seconds=seconds))


def _batches(stage: Stage, port: int, key: str) -> Report:
    seconds = stage.sizes.seconds
    count = max(int(BATCHES_PER_S_MAX * seconds), BATCH_CONNECTIONS)
    arguments = (key, uuid4().hex, count)
    return loaded(Job(port, batches, arguments, BATCH_CONNECTIONS, seconds))


def _rounds(
    stage: Stage, value: Callable[[], Report], limit: Callable[[], Report]
) -> tuple[list[Report], float]:
    """Value and limit by turns; the reports of the value, the median rate of the limit.

    The limit writes into a table as large as the ledger's: keys find smaller indexes faster.
    """
    stage.copied()
    reports, limits = [], []
    for _ in range(stage.sizes.rounds):
        stage.settle()
        limits.append(limit().per_s)
        stage.settle()
        reports.append(value())
    return reports, median(limits)


def post_single(stage: Stage) -> Iterator[Row]:
    """Durable single facts at 64 connections, beside a bare handler with group commit."""
    with (
        stage.service() as service,
        beside(bare.group_commit, stage.place.owner_url) as port,
    ):
        reports, limit = _rounds(
            stage,
            lambda: _singles(stage, service.port, service.key),
            lambda: _singles(stage, port, service.key),
        )
    yield row("post_single", median(r.per_s for r in reports), "facts/s", limit)
    yield row("post_single_p50_ms", median(r.p50_ms for r in reports), "ms")
    yield row("post_single_p99_ms", median(r.p99_ms for r in reports), "ms", 25)


def post_batch(stage: Stage) -> Iterator[Row]:
    """Batches of 1,000 with the read models following, beside a bare handler with COPY."""
    lags: list[float] = []

    def value(service: Service) -> Report:
        with watched_lag(stage) as lag:
            report = _batches(stage, service.port, service.key)
        lags.append(lag[0])
        stage.caught_up()
        return report

    with (
        stage.service() as service,
        beside(bare.batch_copy, stage.place.owner_url) as port,
    ):
        reports, limit = _rounds(
            stage, lambda: value(service), lambda: _batches(stage, port, service.key)
        )
    facts_per_s = median(r.per_s for r in reports) * BATCH_FACTS
    yield row("post_batch", facts_per_s, "facts/s", limit * BATCH_FACTS)
    yield row("post_batch_lag", max(lags), "s", 1)


def two_processes(stage: Stage) -> Iterator[Row]:
    """Two service processes on one database, beside one."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(stage.sizes.rounds):
        for workers, found in rates.items():
            with stage.service(workers) as service:
                found.append(_singles(stage, service.port, service.key).per_s)
    yield row("two_processes", median(rates[2]), "facts/s", median(rates[1]))
    yield row("two_processes_errors", 0, "answers", 0)  # any error has ended the run


class watched_lag:  # noqa: N801 - used as a context manager, as a function would be
    """The largest lag of the read models, in seconds, looked at every 20 ms."""

    def __init__(self, stage: Stage) -> None:
        self._url = stage.place.url
        self._largest_s = [0.0]
        self._stop = Event()
        self._thread = Thread(target=self._run, daemon=True)

    def __enter__(self) -> list[float]:
        self._thread.start()
        return self._largest_s

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        with connect(self._url, READER, autocommit=True) as conn:
            while not self._stop.wait(0.02):
                self._largest_s[0] = max(self._largest_s[0], progress.lag_of(conn).seconds)


def lag_loaded(stage: Stage) -> Iterator[Row]:
    """How old the oldest fact gets that is not in the read models, at 5,000 facts a second."""
    per_s = PACED_FACTS_PER_S / PACED_BATCH
    with stage.service() as service:
        arguments = (service.key, uuid4().hex, int(per_s * stage.sizes.paced_s), PACED_BATCH)
        job = Job(service.port, batches, arguments, 8, stage.sizes.paced_s + 10, per_s)
        with watched_lag(stage) as lag:
            report = loaded(job)
    reached = report.per_s * PACED_BATCH
    if reached < 0.95 * PACED_FACTS_PER_S:
        raise Failed(f"only {reached:,.0f} of {PACED_FACTS_PER_S:,} facts a second were taken")
    yield row("lag_loaded", lag[0], "s", 1)


def lag_idle(stage: Stage) -> Iterator[Row]:
    """From the receipt of an idle ledger's next fact until a view at its position answers."""
    found = []
    with stage.service() as service:
        for request in singles(service.key, uuid4().hex, stage.sizes.idle_facts):
            stage.caught_up()
            time.sleep(IDLE_S)
            position = orjson.loads(service.post(request))["position"]
            _, seconds = service.get(f"/v1/clusters?limit=1&min_position={position}", "wait=5")
            found.append(seconds)
    yield row("lag_idle", max(found), "s", 0.1)
    yield row("lag_idle_median", median(found), "s", 0.1)
