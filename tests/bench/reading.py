"""Figures of reading: headline figures at the head and as known earlier, and the bare answers."""

from collections.abc import Iterator
from statistics import median
from typing import Final

from api.demonstration import PROGRAMME_END
from ledger.store.database import READER, connect
from projections import progress
from projections.figures.catalogue import HEADLINE
from tests.bench import bare
from tests.bench.children import beside
from tests.bench.client import Job, Report, loaded
from tests.bench.requests import gets
from tests.bench.rows import Row, row
from tests.bench.stage import Service, Stage

GETS_PER_S_MAX: Final = 60_000
KNOWN_AT_PARTS: Final = 5
"""Positions at a fifth, two fifths, … of the ledger."""


def _gets(stage: Stage, port: int, key: str, path: str) -> Report:
    seconds = stage.sizes.seconds
    count = int(GETS_PER_S_MAX * seconds)
    return loaded(Job(port, gets, (key, path, count), seconds=seconds))


def get_headline(stage: Stage) -> Iterator[Row]:
    """A headline figure at the head with a key, beside a bare answer of the same size."""
    path = f"/v1/figures/companies_involved?to={PROGRAMME_END}"
    reports, limits = [], []
    with stage.service() as service:
        body, _ = service.get(path)
        with beside(bare.answering, body) as port:
            for _ in range(stage.sizes.rounds):
                limits.append(_gets(stage, port, service.key, path).per_s)
                reports.append(_gets(stage, service.port, service.key, path))
    value = median(r.per_s for r in reports)
    yield row("get_headline", value, "requests/s", median(limits))
    yield row("get_headline_p99_ms", median(r.p99_ms for r in reports), "ms", 25)


def get_known_at(stage: Stage) -> Iterator[Row]:
    """The slowest of the four headline figures over the whole period at positions never asked."""
    with stage.service() as service:
        yield row("get_known_at", _slowest_s(stage, service), "s", 0.3)


def _slowest_s(stage: Stage, service: Service) -> float:
    with connect(stage.place.url, READER, autocommit=True) as conn:
        head = progress.position(conn)
    slowest = 0.0
    for part in range(1, KNOWN_AT_PARTS + 1):
        for figure in HEADLINE:
            # Not the head itself: that one may have been asked.
            asked = f"to={PROGRAMME_END}&known_at={head * part // KNOWN_AT_PARTS - 1}"
            _, seconds = service.get(f"/v1/figures/{figure}?{asked}")
            slowest = max(slowest, seconds)
    return slowest
