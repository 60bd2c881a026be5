"""Prometheus: what all workers count, and how far the read models are, on a listener of its own.

`METRICS` is the list that docs/reference.md prints; `collect` fills it at each scrape.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from msgspec import Struct
from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from api.counting import Totals
from api.problems import Problem
from api.signing import Signing, signing_of
from projections import progress

if TYPE_CHECKING:
    from api.state import State

PREFIX: Final = "clusterledger_"


class Described(Struct, frozen=True):
    """A metric as documented: its kind, its labels, what it tells."""

    kind: str
    text: str
    labels: tuple[str, ...] = ()


METRICS: Final[dict[str, Described]] = {
    "facts_recorded_total": Described("counter", "Facts the workers recorded."),
    "batch_facts": Described("summary", "Facts in one transaction: how many transactions, facts."),
    "batch_facts_last": Described("gauge", "Facts in each worker's last transaction, added up."),
    "commit_seconds": Described("summary", "Inserting and committing one transaction, seconds."),
    "queue_facts": Described("gauge", "Facts that wait for their transaction."),
    "head_position": Described("gauge", "Position of the last fact in the book."),
    "read_models_position": Described("gauge", "Last position that is in the read models."),
    "read_models_lag_facts": Described("gauge", "Facts that are not in the read models yet."),
    "read_models_lag_seconds": Described(
        "gauge", "How long ago the oldest of them was recorded; 0 where there are none."
    ),
    "read_models_alarm": Described(
        "gauge", "1 where the read models stand still at a fact that cannot be folded."
    ),
    "tree_size": Described("gauge", "Facts in the log's tree."),
    "checkpoint_size": Described("gauge", "Facts in the tree of the last signed checkpoint."),
    "checkpoint_age_seconds": Described(
        "gauge", "How long ago it was signed: it grows while the log rests, too."
    ),
    "unsigned_seconds": Described(
        "gauge", "How long ago the oldest fact was recorded that no checkpoint covers; 0: none is."
    ),
    "signing_refused": Described(
        "gauge", "1 where the signer refuses: the database is not what it signed before."
    ),
    "writes_refused": Described(
        "gauge", "1 where no facts are taken: the database is not what was signed before."
    ),
    "writes_failing": Described(
        "gauge", "1 where facts were not recorded in the last 30 s, as the database could not."
    ),
    "database_up": Described("gauge", "1 where the database answered this scrape."),
    "refusals_total": Described("counter", "Refused requests and batch items, by code.", ("code",)),
    "answers_total": Described(
        "counter",
        "Answered requests, by method and first digit of the status.",
        ("method", "class"),
    ),
    "answer_seconds": Described("histogram", "From the request's head to its answer, seconds."),
}
"""Every metric, without PREFIX."""


class Scrape(Struct, frozen=True):
    """What a scrape reads from the database; None where it did not answer."""

    lag: progress.Lag | None
    alarm: progress.Alarm | None
    signing: Signing | None


class _Families:
    """The families of one scrape, in the form the library asks for."""

    def __init__(self, totals: Totals, failing: bool, scrape: Scrape) -> None:
        self._totals = totals
        self._failing = failing
        self._scrape = scrape

    def collect(self) -> Iterator[Metric]:
        yield from _writing(self._totals)
        yield _gauge("writes_failing", float(self._failing))
        yield from _reading(self._scrape)
        yield from _signing(self._scrape.signing)
        yield from _answering(self._totals)


def _named(name: str) -> tuple[str, str]:
    return PREFIX + name, METRICS[name].text


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(*_named(name), value=value)


def _writing(totals: Totals) -> Iterable[Metric]:
    yield CounterMetricFamily(*_named("facts_recorded_total"), value=totals.facts)
    yield SummaryMetricFamily(
        *_named("batch_facts"), count_value=int(totals.batches), sum_value=totals.facts
    )
    yield _gauge("batch_facts_last", totals.last_batch_facts)
    yield SummaryMetricFamily(
        *_named("commit_seconds"), count_value=int(totals.batches), sum_value=totals.commit_s
    )
    yield _gauge("queue_facts", totals.queued_facts)


def _reading(scrape: Scrape) -> Iterable[Metric]:
    yield _gauge("database_up", float(scrape.lag is not None))
    if scrape.lag is None:
        return
    yield _gauge("head_position", scrape.lag.head)
    yield _gauge("read_models_position", scrape.lag.position)
    yield _gauge("read_models_lag_facts", scrape.lag.head - scrape.lag.position)
    yield _gauge("read_models_lag_seconds", scrape.lag.seconds)
    yield _gauge("read_models_alarm", float(scrape.alarm is not None))


def _signing(signing: Signing | None) -> Iterable[Metric]:
    if signing is None:
        return
    yield _gauge("tree_size", signing.tree_size)
    yield _gauge("unsigned_seconds", signing.unsigned_s)
    yield _gauge("signing_refused", float(signing.refused is not None))
    yield _gauge("writes_refused", float(signing.writes_refused is not None))
    if signing.signed_size is not None:
        yield _gauge("checkpoint_size", signing.signed_size)
    if signing.signed_s_ago is not None:
        yield _gauge("checkpoint_age_seconds", signing.signed_s_ago)


def _answering(totals: Totals) -> Iterable[Metric]:
    refusals = CounterMetricFamily(*_named("refusals_total"), labels=["code"])
    for code, count in totals.refusals.items():
        if count:
            refusals.add_metric([code], count)
    yield refusals
    answers = CounterMetricFamily(*_named("answers_total"), labels=["method", "class"])
    for (method, first), count in totals.answers.items():
        if count:
            answers.add_metric([method, f"{first}xx"], count)
    yield answers
    buckets = [("+Inf" if b == math.inf else str(b), count) for b, count in totals.buckets()]
    yield HistogramMetricFamily(*_named("answer_seconds"), buckets, totals.seconds)


async def collect(state: State) -> bytes:
    """Everything in Prometheus's text format; without a database, what the workers know."""
    try:
        lag = await state.read(progress.lag_of)
        scrape = Scrape(lag, await state.read(progress.alarm_of), await signing_of(state))
    except Problem:
        scrape = Scrape(None, None, None)
    once = CollectorRegistry(auto_describe=False)
    state.counts.wrote(state.ledger.writer)
    families: Any = _Families(state.counts.totals(), state.counts.failing() is not None, scrape)
    once.register(families)
    return generate_latest(once)


async def listen(state: State, host: str, port: int) -> web.AppRunner:
    """Serve /metrics on its own address, without keys: whoever may scrape may reach it."""

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(
            body=await collect(state),
            headers={"Content-Type": CONTENT_TYPE_LATEST, "Cache-Control": "no-store"},
        )

    app = web.Application()
    app.router.add_get("/metrics", metrics)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, host, port).start()
    return runner
