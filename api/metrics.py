"""Prometheus: what one process counts, and how far the read models are, on a listener of its own.

`METRICS` is the list that docs/reference.md prints; `collect` fills it at each scrape.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final

from aiohttp import web
from msgspec import Struct
from prometheus_client import CollectorRegistry, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    Metric,
    SummaryMetricFamily,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from api.problems import Problem
from api.signing import Signing, signing_of
from projections import progress

if TYPE_CHECKING:
    from api.state import State

PREFIX: Final = "clusterledger_"
ANSWER_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Described(Struct, frozen=True):
    """A metric as documented: its kind, its labels, what it tells."""

    kind: str
    text: str
    labels: tuple[str, ...] = ()


METRICS: Final[dict[str, Described]] = {
    "facts_recorded_total": Described("counter", "Facts this process recorded."),
    "batch_facts": Described("summary", "Facts in one transaction: how many transactions, facts."),
    "batch_facts_last": Described("gauge", "Facts in the last transaction."),
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
    "signing_refused": Described(
        "gauge", "1 where the signer refuses: the database is not what it signed before."
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


class Counts:
    """What a process counts while it answers. Used in the event loop only."""

    def __init__(self) -> None:
        self.refusals: Counter[str] = Counter()
        self.answers: Counter[tuple[str, int]] = Counter()
        self.registry = CollectorRegistry(auto_describe=False)
        self._seconds = Histogram(
            PREFIX + "answer_seconds",
            METRICS["answer_seconds"].text,
            buckets=ANSWER_SECONDS,
            registry=self.registry,
        )

    def refused(self, code: str) -> None:
        """One refusal, by its code."""
        self.refusals[code] += 1

    def answered(self, method: str, status: int, seconds: float) -> None:
        """One answer. Methods that nobody defined count as one: a client must not make labels."""
        self.answers[(method if method in METHODS else "other", status // 100)] += 1
        self._seconds.observe(seconds)


class Scrape(Struct, frozen=True):
    """What a scrape reads from the database; None where it did not answer."""

    lag: progress.Lag | None
    alarm: progress.Alarm | None
    signing: Signing | None


class _Families:
    """The families of one scrape, in the form the library asks for."""

    def __init__(self, state: State, scrape: Scrape) -> None:
        self._state = state
        self._scrape = scrape

    def collect(self) -> Iterator[Metric]:
        yield from _writing(self._state)
        yield from _reading(self._scrape)
        yield from _signing(self._scrape.signing)
        yield from _answering(self._state.counts)


def _named(name: str) -> tuple[str, str]:
    return PREFIX + name, METRICS[name].text


def _gauge(name: str, value: float) -> Metric:
    return GaugeMetricFamily(*_named(name), value=value)


def _writing(state: State) -> Iterable[Metric]:
    statistics = state.ledger.writer.statistics
    yield CounterMetricFamily(*_named("facts_recorded_total"), value=statistics.facts)
    yield SummaryMetricFamily(
        *_named("batch_facts"), count_value=statistics.batches, sum_value=statistics.facts
    )
    yield _gauge("batch_facts_last", statistics.last_batch_facts)
    yield SummaryMetricFamily(
        *_named("commit_seconds"), count_value=statistics.batches, sum_value=statistics.commit_s
    )
    yield _gauge("queue_facts", state.ledger.writer.queued_facts)


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
    yield _gauge("signing_refused", float(signing.refused is not None))
    if signing.signed_size is not None:
        yield _gauge("checkpoint_size", signing.signed_size)
    if signing.signed_s_ago is not None:
        yield _gauge("checkpoint_age_seconds", signing.signed_s_ago)


def _answering(counts: Counts) -> Iterable[Metric]:
    refusals = CounterMetricFamily(*_named("refusals_total"), labels=["code"])
    for code, count in sorted(counts.refusals.items()):
        refusals.add_metric([code], count)
    yield refusals
    answers = CounterMetricFamily(*_named("answers_total"), labels=["method", "class"])
    for (method, first), count in sorted(counts.answers.items()):
        answers.add_metric([method, f"{first}xx"], count)
    yield answers


async def collect(state: State) -> bytes:
    """Everything in Prometheus's text format; without a database, what the process knows itself."""
    try:
        lag = await state.read(progress.lag_of)
        scrape = Scrape(lag, await state.read(progress.alarm_of), await signing_of(state))
    except Problem:
        scrape = Scrape(None, None, None)
    once = CollectorRegistry(auto_describe=False)
    families: Any = _Families(state, scrape)
    once.register(families)
    return generate_latest(once) + generate_latest(state.counts.registry)


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
