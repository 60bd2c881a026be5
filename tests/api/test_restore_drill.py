"""The drill of docs/operations.md: a backup is put back beside the log folder it had."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import uuid4

import orjson
import psycopg
from psycopg import sql
from typer.testing import CliRunner

from api.cli.main import app
from api.settings import Settings
from ledger.domain.commands import ADMIN, Authority
from ledger.service import Ledger, incoming
from ledger.store.book import create
from ledger.transparency.memory import LogFolder
from ledger.transparency.signer import sign_along
from tests.api.running import ORIGIN, Service
from tests.api.test_log import registered
from tests.conftest import _drop, _with_database
from tests.pages.browser import Browser
from tests.projections.book_writer import tamper
from tests.test_deploy import psql

LATER = "//test.example/later"
START_WAIT_S = 60


def until(holds: Callable[[], Any]) -> None:
    """Wait for another thread or process: a busy machine takes its time to start them."""
    give_up, waiting = time.monotonic() + START_WAIT_S, Event()
    while not holds():
        assert time.monotonic() < give_up
        waiting.wait(0.02)


@contextmanager
def serving(url: str, tmp_path: Path) -> Iterator[Service]:
    """A service and its signer, with the log folder that outlives every database."""
    log, published, stop = tmp_path / "log", tmp_path / "published", Event()
    settings = Settings(
        rate_limit=0, public_rate_limit=0, log_dir=str(log), checkpoint_dir=str(published)
    )
    signer = Thread(target=sign_along, args=(url, log, published, stop))
    with Service(url, settings) as service:
        signer.start()
        try:
            yield service
        finally:
            stop.set()
            signer.join()


@contextmanager
def restored(
    server: psycopg.Connection, server_url: str, binaries: Path, dump: Path
) -> Iterator[str]:
    """A dump in a database of its own, as docs/operations.md puts it back."""
    name = f"test_{uuid4().hex[:12]}"
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    url = _with_database(server_url, name)
    try:
        run(binaries / "pg_restore", f"--dbname={url}", str(dump))
        granted = sql.SQL("GRANT CREATE ON DATABASE {} TO clusterledger_projector")
        server.execute(granted.format(sql.Identifier(name)))
        yield url
    finally:
        _drop(server, name)


def run(program: Path, *arguments: str) -> None:
    done = subprocess.run(
        [program, *arguments], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr


def dumped(binaries: Path, url: str, into: Path) -> Path:
    arguments = ("--format=custom", "--exclude-schema=models*", f"--file={into}")
    run(binaries / "pg_dump", *arguments, url)
    return into


def test_an_older_backup_takes_no_facts_and_the_newest_raises_no_alarm(
    server: psycopg.Connection,
    server_url: str,
    database_url: str,
    postgres_bin: Path | None,
    tmp_path: Path,
) -> None:
    binaries = postgres_bin or psql().parent
    published = tmp_path / "published"
    with serving(database_url, tmp_path) as service:
        admin = service.client("admin")
        admin.post(*(registered(n) for n in range(3)))
        until((published / "checkpoint-3").exists)
        older = dumped(binaries, database_url, tmp_path / "older.dump")
        admin.post(*(registered(n) for n in range(3, 5)))
        until((published / "checkpoint-5").exists)
        newest = dumped(binaries, database_url, tmp_path / "newest.dump")

    lost = "the database has 3 facts, and 5 were signed"
    with (
        restored(server, server_url, binaries, older) as url,
        serving(url, tmp_path) as service,
    ):
        event = service.event(*registered(9), LATER)
        until(lambda: service.public().get("/readyz").json()["log"]["refused"])
        refused = service.client("admin").ask("POST", "/v1/facts", body=event)
        assert (refused.status, refused.code) == (503, "not_as_signed")
        ready = service.public().get("/readyz").json()
        assert ready["status"] == "degraded"
        assert lost in ready["log"]["refused"]
        assert lost in ready["log"]["writes_refused"]
        browser = Browser(service)
        browser.sign_in(service.key("admin")[0])
        page = browser.text("/en/operations")
        assert "No facts are taken" in page
        assert "Nothing is being signed" in page

    with (
        restored(server, server_url, binaries, newest) as url,
        serving(url, tmp_path) as service,
    ):
        admin = service.client("admin")
        admin.post(registered(9), source=LATER)
        until((published / "checkpoint-6").exists)
        ready = admin.get("/readyz").json()
        assert (ready["log"]["refused"], ready["log"]["writes_refused"]) == (None, None)
        admin.read("/v1/clusters")
        key = LogFolder(tmp_path / "log").public.read_text().strip()
        found = verified(url, tmp_path, key, published / "checkpoint-3")
        assert found["valid"], found


def verified(url: str, tmp_path: Path, key: str, held: Path) -> Any:
    """What `clusterledger verify` says of the ledger itself."""
    arguments = ("verify", "--key", key, "--checkpoint", str(held), "--database-url", url, "--json")
    given = {"CLUSTERLEDGER_LOG_DIR": str(tmp_path / "log")}
    return orjson.loads(CliRunner().invoke(app, arguments, env=given).stdout)


# The command itself, as its operator sees it


@contextmanager
def served(url: str, tmp_path: Path) -> Iterator[list[dict[str, Any]]]:
    """`clusterledger serve`, and what it has logged so far."""
    given = {
        "CLUSTERLEDGER_LOG_DIR": str(tmp_path / "log"),
        "CLUSTERLEDGER_CHECKPOINT_DIR": str(tmp_path / "published"),
    }
    command = (sys.executable, "-m", "api.cli.main", "serve", "--port=0", f"--database-url={url}")
    serving = subprocess.Popen(command, stderr=subprocess.PIPE, env={**os.environ, **given})
    said: list[dict[str, Any]] = []
    assert serving.stderr is not None
    reading = Thread(target=lambda: said.extend(map(orjson.loads, serving.stderr or ())))
    reading.start()
    try:
        yield said
    finally:
        serving.terminate()
        serving.wait(START_WAIT_S)
        reading.join()
        serving.stderr.close()


def test_serve_signs_publishes_refuses_and_resumes(database_url: str, tmp_path: Path) -> None:
    create(database_url, ORIGIN)
    topic, data = registered(1)
    admin = Authority("key:test", frozenset({ADMIN}))
    with Ledger.open(database_url) as ledger:
        ledger.record(admin, [incoming("1", LATER, topic, data)])
    with served(database_url, tmp_path) as said:

        def logged(event: str) -> bool:
            return any(line["event"] == event for line in said)

        until((tmp_path / "published" / "checkpoint-1").exists)
        assert not logged("log_not_signed")
        tamper(database_url, "UPDATE ledger.head SET root = sha256('x')")
        until(lambda: logged("signing_refused") and logged("writes_refused"))
        assert not logged("signing_resumed")
        (why,) = [line["why"] for line in said if line["event"] == "signing_refused"]
        assert "did not grow from the one of 1 that was signed" in why

        tamper(
            database_url,
            "UPDATE ledger.head SET root = (SELECT root FROM ledger.tree_head WHERE tree_size = 1)",
        )
        until(lambda: logged("signing_resumed") and logged("writes_resumed"))
    assert not (tmp_path / "log" / "refusal").exists()
