"""kill -9 of the service under load, over HTTP: what was acknowledged is kept, and found again.

The control is a service that acknowledges before it commits: killed, it loses, and is caught.
"""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from api import auth
from api.cli.place import running_in
from ledger.domain.history import Entry
from ledger.store.book import PAGE_FACTS, Book, create
from ledger.store.codec import decode_leaf
from ledger.store.database import WRITER, connect
from projections import schema
from tests.api.posters import BATCH_FACTS, LIMIT_S, Acknowledged, Posters
from tests.api.running import ORIGIN
from tests.awaiting import awaited

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = 16


def stored(url: str) -> list[Entry]:
    """Every fact of the book, in order."""
    book = Book(url)
    entries: list[Entry] = []
    while leaves := book.leaves(len(entries), PAGE_FACTS):
        entries += map(decode_leaf, leaves)
    book.close()
    return entries


def lost(acknowledged: Acknowledged, entries: Iterable[Entry]) -> set[str]:
    """Ids that were acknowledged at a position where they are not."""
    there = {entry.id: entry.position for entry in entries}
    return {id for id, (position, _) in acknowledged.items() if there.get(id) != position}


def half(entries: Iterable[Entry]) -> list[str]:
    """Batches of which a part is there, or more than all."""
    batches = Counter(entry.id.partition("-")[0] for entry in entries)
    return [batch for batch, facts in batches.items() if facts != BATCH_FACTS]


def key_of(url: str) -> str:
    with connect(url, WRITER, autocommit=True) as conn:
        return auth.create_key(conn, label="test", scopes=["admin"], sources=["*"])[0]


class Serving:
    """`clusterledger serve` on a data folder, to be killed and started again on the same port."""

    def __init__(self, folder: Path, postgres_bin: Path | None) -> None:
        self.folder = folder
        self._binaries = [] if postgres_bin is None else [f"--postgres-bin={postgres_bin}"]
        self._port = "0"
        self.start()

    def start(self) -> None:
        command = ["serve", "--workers=2", f"--port={self._port}", f"--data-dir={self.folder}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.cli.main", *command, *self._binaries],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | {"CLUSTERLEDGER_RATE_LIMIT": "0"},
        )
        assert self.process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        assert found is not None
        self.base, self._port = found[0], found[1]

    @property
    def url(self) -> str:
        running = running_in(self.folder)
        assert running is not None
        return running.url

    def children(self, what: bytes = b"spawn_main") -> list[int]:
        """The workers and the projector, or what else has that in its command line."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [pid for pid in map(int, listed.split()) if what in _command(pid)]

    def ready(self) -> int:
        """The status of /readyz; 0 where nobody answers."""
        try:
            with urlopen(f"{self.base}/readyz", timeout=20) as answer:
                status: int = answer.status
        except HTTPError as error:
            return error.code
        except OSError:
            return 0
        return status

    def becomes(self, status: int) -> bool:
        """Whether /readyz answers so within the time."""
        until = time.monotonic() + LIMIT_S
        while self.ready() != status and time.monotonic() < until:
            time.sleep(0.1)
        return self.ready() == status

    def kill(self) -> None:
        """All of it at once."""
        children = self.children()
        self.process.kill()
        for child in children:
            os.kill(child, signal.SIGKILL)
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()
        until = time.monotonic() + LIMIT_S
        while any(b"spawn_main" in _command(pid) for pid in children):
            assert time.monotonic() < until
            time.sleep(0.01)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(LIMIT_S)


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@pytest.fixture(scope="module")
def serving(
    tmp_path_factory: pytest.TempPathFactory, postgres_bin: Path | None
) -> Iterator[Serving]:
    running = Serving(tmp_path_factory.mktemp("served"), postgres_bin)
    try:
        yield running
    finally:
        running.stop()


def test_killing_workers_and_the_supervisor_loses_nothing_acknowledged(serving: Serving) -> None:
    async def posted() -> tuple[Posters, Acknowledged]:
        async with Posters(serving.base, key_of(serving.url), CLIENTS) as posters:
            await posters.answers(100)
            for child in serving.children():
                os.kill(child, signal.SIGKILL)
            await posters.answers(100)
            serving.kill()
            serving.start()
            await posters.answers(50)
            await posters.finish()
            return posters, await posters.again()

    posters, again = awaited(posted())
    entries = stored(serving.url)
    assert posters.retries, "nothing was killed under load"
    assert lost(posters.acknowledged, entries) == set()
    assert half(entries) == []
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    assert {id: again[id] for id in posters.acknowledged} == posters.acknowledged
    assert len(entries) == len(again) == posters.batches * BATCH_FACTS


def test_a_postgresql_that_does_not_start_again_ends_nothing(serving: Serving) -> None:
    assert serving.becomes(200)
    control = serving.folder / "postgres" / "global" / "pg_control"
    hidden = control.with_name("hidden")
    control.rename(hidden)
    (postgres,) = serving.children(b"postgres")
    os.kill(postgres, signal.SIGKILL)
    assert serving.becomes(503)
    time.sleep(2)  # it is tried again, in vain
    assert serving.process.poll() is None
    assert serving.ready() == 503
    hidden.rename(control)
    assert serving.becomes(200)


@contextmanager
def hasty(url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.api.hasty_service", url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline().strip()
    finally:
        process.kill()
        process.wait(LIMIT_S)
        process.stdout.close()


@pytest.mark.parametrize("killed", [True, False])
def test_control_a_service_that_answers_before_it_commits_is_caught(
    database_url: str, killed: bool
) -> None:
    create(database_url, ORIGIN)
    schema.ensure(database_url)

    async def posted(process: subprocess.Popen[str], base: str) -> Acknowledged:
        async with Posters(base, key_of(database_url), CLIENTS) as posters:
            await posters.answers(100)
            if killed:
                process.kill()
            else:
                await posters.finish()
                await asyncio.sleep(2)
            return posters.acknowledged

    with hasty(database_url) as (process, base):
        acknowledged = awaited(posted(process, base))
    assert bool(lost(acknowledged, stored(database_url))) is killed
