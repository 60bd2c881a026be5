"""What Prometheus reads, from a listener of its own."""

from __future__ import annotations

import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from math import inf
from multiprocessing import get_context
from pathlib import Path
from subprocess import run
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import psycopg
import pytest
from prometheus_client.parser import text_string_to_metric_families

from api.cli.processes import Service as Supervisor
from api.cli.processes import listen
from api.counting import ANSWER_SECONDS, Counts, shared
from api.metrics import METRICS, PREFIX, collect
from api.problems import all_codes
from api.settings import Settings
from api.state import STATE
from ledger.store.book import create
from ledger.store.database import READER, connect
from ledger.transparency.signer import Signer
from projections import schema
from tests.api.running import BATCH, ORIGIN, Service

CLUSTER = {"cluster": "biotech", "name": "Biotechnologie", "effective_on": "2006-02-01"}


def scrape(service: Service) -> dict[str, Any]:
    """Each sample's value by its name and labels."""
    text = service.service_loop.run(collect(service.app_runner.app[STATE])).decode()
    return {
        sample.name.removeprefix(PREFIX)
        + "".join(f" {v}" for _, v in sorted(sample.labels.items())): (sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_facts_batches_and_commits_are_counted(service: Service) -> None:
    admin = service.client("admin")
    admin.post(("cluster.registered.v1", CLUSTER), ("cluster.renamed.v1", CLUSTER | {"name": "B"}))
    seen = scrape(service)
    assert seen["facts_recorded_total"] == 2
    assert (seen["batch_facts_count"], seen["batch_facts_sum"]) == (1, 2)
    assert seen["commit_seconds_count"] == 1
    assert 0 < seen["commit_seconds_sum"] < 10
    assert seen["head_position"] == 2
    assert seen["queue_facts"] == 0


def test_refusals_are_counted_by_code(service: Service) -> None:
    admin = service.client("admin")
    admin.get("/nowhere")
    unknown = service.event("cluster.renamed.v1", CLUSTER)
    events = [unknown, service.event("cluster.painted.v1", {}), unknown | {"id": "other"}]
    for atomic in ("true", "false"):
        admin.ask(
            "POST", "/v1/facts", {"atomic": atomic}, headers={"Content-Type": BATCH}, body=events
        )
    seen = scrape(service)
    assert seen["refusals_total not_found"] == 1
    # An atomic batch is refused once, by its first; else every item is.
    assert seen["refusals_total unknown_type"] == 2
    assert seen["refusals_total unknown_cluster"] == 2


def test_answers_are_counted_by_method_and_class(service: Service) -> None:
    public = service.public()
    for path in ("/livez", "/livez", "/nowhere"):
        public.get(path)
    public.ask("POST", "/v1/facts", body={})
    seen = scrape(service)
    assert seen["answers_total 2xx GET"] == 2
    assert seen["answers_total 4xx GET"] == 1
    assert seen["answers_total 4xx POST"] == 1
    assert seen["answer_seconds_count"] == 4
    assert seen["answer_seconds_bucket +Inf"] == 4


@pytest.mark.parametrize("runner", [False])
def test_the_lag_is_told_in_facts_and_seconds(database_url: str, runner: bool) -> None:
    settings = Settings(rate_limit=0, public_rate_limit=0)
    with Service(database_url, settings, runner=runner) as service:
        assert scrape(service)["read_models_lag_facts"] == 0
        service.client("admin").post(("cluster.registered.v1", CLUSTER))
        seen = scrape(service)
    assert seen["read_models_lag_facts"] == 1
    assert seen["read_models_lag_seconds"] > 0
    assert seen["read_models_position"] == 0


def test_an_alarm_of_the_read_models_is_told(service: Service) -> None:
    service.client("admin").post(("cluster.registered.v1", CLUSTER))
    with psycopg.connect(service.url, autocommit=True) as conn:
        while not conn.execute("SELECT to_regclass('models.alarm') IS NOT NULL").fetchone()[0]:  # type: ignore[index]
            pass
        assert scrape(service)["read_models_alarm"] == 0
        conn.execute("INSERT INTO models.alarm (position, topic, error) VALUES (1, 'x', 'y')")
        assert scrape(service)["read_models_alarm"] == 1


def test_every_metric_is_documented_and_there(database_url: str, tmp_path: Path) -> None:
    settings = Settings(log_dir=str(tmp_path))
    with Service(database_url, settings) as service:
        with Signer(tmp_path, ORIGIN) as signer, connect(service.url, READER) as conn:
            signer.advance(conn)
        text = service.service_loop.run(collect(service.app_runner.app[STATE])).decode()
    families = {f.name.removeprefix(PREFIX): f for f in text_string_to_metric_families(text)}
    documented = {name.removesuffix("_total"): metric for name, metric in METRICS.items()}
    assert set(families) == set(documented)
    for name, metric in documented.items():
        assert (families[name].type, families[name].documentation) == (metric.kind, metric.text)


def test_metrics_have_a_listener_of_their_own(database_url: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    settings = Settings(rate_limit=0, public_rate_limit=0, metrics_port=port)
    with Service(database_url, settings, runner=False) as service:
        assert service.public().get("/metrics").status == 404
        service.base = f"http://127.0.0.1:{port}"
        answer = service.public().get("/metrics")
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith("text/plain; version=")
        assert b"clusterledger_database_up 1.0" in answer.body
        assert service.public().get("/v1/facts").status == 404
    with pytest.raises(OSError, match="refused"):
        socket.create_connection(("127.0.0.1", port), timeout=1)


def test_two_workers_are_counted_as_one_service(database_url: str) -> None:
    create(database_url, ORIGIN)
    schema.ensure(database_url)
    with socket.create_server(("127.0.0.1", 0)) as free:
        metrics_port = free.getsockname()[1]
    settings = Settings(workers=2, public_rate_limit=0, metrics_port=metrics_port)
    with listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        supervisor = Supervisor(database_url, settings, listener, None)
        supervisor.start()
        try:
            # All at once: what comes before a worker is there waits for it.
            with ThreadPoolExecutor(16) as pool:
                answers = list(pool.map(get, [f"http://127.0.0.1:{port}/livez"] * 48))
            text = get(f"http://127.0.0.1:{metrics_port}/metrics", patiently=True).decode()
        finally:
            supervisor.stop()
    assert len(answers) == 48
    assert 'clusterledger_answers_total{class="2xx",method="GET"} 48.0' in text
    assert "clusterledger_answer_seconds_count 48.0" in text


def get(url: str, *, patiently: bool = False) -> bytes:
    """The body; patiently: as soon as somebody listens there."""
    until = time.monotonic() + 60
    while True:
        try:
            with urlopen(url, timeout=60) as answer:
                return bytes(answer.read())
        except URLError:
            if not patiently or time.monotonic() > until:
                raise


def test_what_a_worker_counted_outlives_it() -> None:
    rows = shared(get_context("spawn"), 2)
    first, second = Counts(rows, 0), Counts(rows, 1)
    for counts in (first, second):
        counts.refused("not_found")
        counts.answered("BREW", 404, 0.003)
    again = Counts(rows, 1)
    again.answered("GET", 200, 99.0)
    totals = first.totals()
    assert totals.refusals["not_found"] == 2
    assert (totals.answers["other", 4], totals.answers["GET", 2]) == (2, 1)
    assert dict(totals.buckets()) == {
        bound: 0 if bound < 0.003 else 2 if bound < inf else 3 for bound in (*ANSWER_SECONDS, inf)
    }


def test_every_code_has_a_place_of_its_own_in_every_process() -> None:
    code = "from api.counting import CODES; print(*CODES)"
    alone = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert alone.stdout.split() == [*all_codes(), "other"]
    counts = Counts()
    counts.refused("a_code_nobody_defined")
    assert counts.totals().refusals["other"] == 1
