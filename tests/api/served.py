"""`clusterledger serve` in processes of its own, to be hurt while it is posted to; what it kept."""

from __future__ import annotations

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

from api import auth
from api.cli.place import Running, running_in
from ledger.domain.history import Entry
from ledger.store.book import PAGE_FACTS, Book
from ledger.store.codec import decode_leaf
from ledger.store.database import WRITER, connect
from ledger.store.embedded import STOP_LIMIT_S
from tests.api.posters import BATCH_FACTS, LIMIT_S, Acknowledged

ROOT = Path(__file__).resolve().parents[2]


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

    def __init__(
        self, folder: Path, postgres_bin: Path | None, *, stderr: Path | None = None
    ) -> None:
        self.folder = folder
        self._stderr = stderr
        self._binaries = [] if postgres_bin is None else [f"--postgres-bin={postgres_bin}"]
        self._port = "0"
        self.start()

    def start(self) -> None:
        said = subprocess.DEVNULL if self._stderr is None else self._stderr.open("ab")
        command = ["serve", "--workers=2", f"--port={self._port}", f"--data-dir={self.folder}"]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "api.cli.main", *command, *self._binaries],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            env=os.environ | {"CLUSTERLEDGER_RATE_LIMIT": "0"},
        )
        assert self.process.stdout is not None
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.process.stdout.readline())
        assert found is not None
        self.base, self._port = found[0], found[1]

    @property
    def running(self) -> Running:
        found = running_in(self.folder)
        assert found is not None
        return found

    @property
    def url(self) -> str:
        return self.running.url

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
        self.process.wait(STOP_LIMIT_S + LIMIT_S)  # so long it waits for a PostgreSQL that hangs


def _command(pid: int) -> bytes:
    with suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


@contextmanager
def hasty(url: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A service that acknowledges before it commits, and its address."""
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
