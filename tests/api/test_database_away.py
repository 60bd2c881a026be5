"""PostgreSQL is away: 503 and no 500, and it recovers by itself. Nobody waits without end."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from api.state import STATE
from ledger.store.embedded import EmbeddedPostgres
from ledger.store.migrate import migrate
from tests.api.running import Client, Service

CLUSTER = {"cluster": "bio", "name": "Bio", "effective_on": "2008-01-01"}
RECOVERED_S = 5
INSTANT = "2026-01-01T00:00:00Z"
ASKED = (
    "/v1/facts",
    f"/v1/facts?recorded_from={INSTANT}",
    "/v1/facts/1",
    "/v1/facts/live?after=2",
    f"/v1/clusters?known_at={INSTANT}",
    "/v1/clusters?known_at=2",
    "/v1/clusters?min_position=2",
    "/v1/clusters/bio/history",
    "/v1/figures/activities",
    "/readyz",
    "/de",
    "/en/trail",
)


@pytest.fixture(scope="module")
def postgres(postgres_bin: Path | None) -> Iterator[EmbeddedPostgres]:
    """A server that the tests may kill."""
    with (
        tempfile.TemporaryDirectory(prefix="clusterledger-away-") as folder,
        EmbeddedPostgres.start(Path(folder), postgres_bin=postgres_bin) as running,
    ):
        migrate(running.url)
        yield running


@pytest.fixture(scope="module")
def admin(postgres: EmbeddedPostgres) -> Iterator[Client]:
    """Its service knows the key, and one fact; then PostgreSQL is killed."""
    with pytest.MonkeyPatch.context() as patch, Service(postgres.url) as service:
        held = service.app_runner.app[STATE]
        held.keys.fresh_s = 1_000
        for pool in (held.readers, held._key_readers, held.ledger.book.datastore.pool):
            patch.setattr(pool, "timeout", 0.5)
        held.patience_s = 0.5
        client = service.client("admin")
        client.post(("cluster.registered.v1", CLUSTER))
        client.read("/v1/clusters")
        kill(postgres)
        yield client
        postgres.revive()


def kill(postgres: EmbeddedPostgres) -> None:
    os.kill(postgres.pid, signal.SIGKILL)
    while postgres.alive:
        time.sleep(0.01)


@pytest.mark.parametrize("path", ASKED)
def test_a_reading_is_answered_with_503(admin: Client, path: str) -> None:
    answer = admin.get(path)
    assert (answer.status, answer.code) == (503, "unavailable"), answer.body.decode()
    assert "Traceback" not in answer.body.decode()


def test_the_process_says_that_it_lives(admin: Client) -> None:
    assert admin.get("/livez").status == 200


def test_a_key_that_cannot_be_looked_up_is_answered_with_503(admin: Client) -> None:
    answer = Client(admin.service, "clk_never_seen").get("/v1/facts")
    assert (answer.status, answer.code) == (503, "unavailable")


def test_it_recovers_by_itself_within_seconds(admin: Client, postgres: EmbeddedPostgres) -> None:
    postgres.revive()
    began = time.monotonic()
    admin.post(("cluster.registered.v1", CLUSTER | {"cluster": "rail"}))
    assert len(admin.read("/v1/clusters")["items"]) == 2
    assert time.monotonic() - began < RECOVERED_S
