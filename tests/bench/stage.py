"""Where figures are measured: a PostgreSQL of its own, the programme's facts in it, the service.

Parts are made when a figure first needs them: the facts, the loaded ledger, its read models.
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final, Self
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from uuid import uuid4

import orjson
import psycopg
from msgspec import Struct

from api import auth
from api.cli import demonstration
from api.cli.loading import load
from api.cli.place import Place, opened
from api.cli.processes import tune
from api.logs import configure
from api.settings import Settings
from ledger.domain.commands import ADMIN, Authority
from ledger.service import Ledger
from ledger.store.database import READER, WRITER, connect
from projections import progress
from projections.rebuild import rebuild
from tests.bench.children import Watch, apart
from tests.bench.copying import Spool, copy_all
from tests.bench.requests import BATCH, CLUSTER, SOURCE, World, post
from tests.bench.rows import Failed

ROOT: Final = Path(__file__).parents[2]
START_LIMIT_S: Final = 60.0


class Sizes(Struct, frozen=True):
    """How long and how much. `seconds` is one round's; value and limit alternate by rounds."""

    scale: float = 1.0
    seconds: float = 4.0
    rounds: int = 3
    paced_s: float = 10.0
    idle_facts: int = 20


FULL: Final = Sizes()
QUICK: Final = Sizes(scale=0.02, seconds=0.5, rounds=1, paced_s=1.0, idle_facts=5)
LARGE: Final = Sizes(scale=10.0)


class Service(Struct, frozen=True):
    """A running `clusterledger serve`, and a cluster app's key for it."""

    port: int
    key: str
    pid: int

    def get(self, path: str, prefer: str = "return=minimal") -> tuple[bytes, float]:
        """Body and seconds of one GET on a connection of its own. Raises Failed on an error."""
        return self._ask(path, None, {"Prefer": prefer})

    def post(self, request: bytes) -> bytes:
        """The answer to a post of tests.bench.requests. Raises Failed on an error."""
        head, _, body = request.partition(b"\r\n\r\n")
        content_type = head.decode().partition("Content-Type: ")[2].partition("\r")[0]
        return self.ask("/v1/facts", body, {"Content-Type": content_type})

    def ask(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        """The answer to any POST. Raises Failed on an error."""
        return self._ask(path, body, headers)[0]

    def _ask(self, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[bytes, float]:
        headers.setdefault("Authorization", f"Bearer {self.key}")
        request = Request(f"http://127.0.0.1:{self.port}{path}", body, headers)
        began = time.perf_counter()
        try:
            with urlopen(request, timeout=60) as answer:
                return answer.read(), time.perf_counter() - began
        except HTTPError as error:
            raise Failed(f"{path}: {error.code} {error.read()[:500].decode()}") from error


class Stage:
    """One ledger at one scale. Times are measured where its parts are made."""

    def __init__(self, folder: Path, sizes: Sizes) -> None:
        self.sizes = sizes
        self.folder = folder
        self.watch = Watch()
        self._stack = ExitStack()
        self._spool: tuple[Spool, int] | None = None
        self._bulk: float | None = None
        self._copied: float | None = None
        self._first: float | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        settings = Settings(data_dir=str(self.folder / "data"))
        self.place: Place = self._stack.enter_context(opened(settings))
        assert self.place.postgres is not None
        self.watch.follow("postgresql", self.place.postgres.pid)
        with psycopg.connect(self.place.owner_url, autocommit=True) as conn:
            # The limits write here: the same columns, constraints and indexes as the book's.
            conn.execute("CREATE SCHEMA IF NOT EXISTS bench")
            for name in ("facts", "mention"):
                conn.execute(f"CREATE TABLE bench.{name} (LIKE ledger.{name} INCLUDING ALL)")
        return self

    def __exit__(self, *_: object) -> None:
        self.watch.close()
        self._stack.close()
        if self._spool is not None:
            self._spool[0].path.unlink()

    @property
    def spool(self) -> Spool:
        """The programme's facts."""
        return self._spooled()[0]

    @property
    def facts(self) -> int:
        """How many the programme has."""
        return self._spooled()[1]

    def _spooled(self) -> tuple[Spool, int]:
        if self._spool is None:
            spool = Spool(self.folder / "facts.spool")
            self._spool = spool, spool.make(self.sizes.scale)
        return self._spool

    def copied(self) -> float:
        """Facts a second through the limit of bulk loading; its rows stay, beside the ledger's."""
        if self._copied is None:
            path = str(self.spool.path)
            self.settle()
            self._copied = apart(copy_all, self.place.owner_url, path)[0]
        return self._copied

    def loaded(self) -> float:
        """Facts a second through `demo`'s and `post`'s own path."""
        if self._bulk is None:
            path = str(self.spool.path)
            self.settle()
            (recorded, seconds), peak = apart(_load, self.place.url, path)
            if recorded != self.facts:
                raise Failed(f"{recorded} of {self.facts} facts were recorded")
            self.watch.note("loader", peak)
            self._bulk = recorded / seconds
        return self._bulk

    def rebuilt(self) -> float:
        """Facts a second of the first rebuild, where there are no rows yet to compare with."""
        self.loaded()
        if self._first is None:
            self._first = self.rebuild()
        return self._first

    def rebuild(self) -> float:
        """Facts a second of a rebuild: made anew, compared with the live rows, swapped."""
        self.settle()
        (position, seconds), peak = apart(_rebuild, self.place.url)
        self.watch.note("rebuild", peak)
        return position / seconds

    def settle(self) -> None:
        """No vacuum and no checkpoint of earlier work within a measurement."""
        with psycopg.connect(self.place.owner_url, autocommit=True) as conn:
            conn.execute("VACUUM (ANALYZE, SKIP_LOCKED)")
            conn.execute("CHECKPOINT")

    @contextmanager
    def service(self, workers: int = 1) -> Iterator[Service]:
        """The service on the loaded ledger, as its own processes, with a key of a cluster's app."""
        self.rebuilt()
        with connect(self.place.url, WRITER, autocommit=True) as conn:
            key, _ = auth.create_key(
                conn,
                label="bench",
                scopes=["figures:read", "organisations:write", "people:write", "trail:read"],
                clusters=[CLUSTER],
                sources=[SOURCE],
            )
        arguments = ("serve", "--database-url", self.place.url, "--port", "0")
        with running(*arguments, "--workers", str(workers)) as (process, port):
            self.watch.follow("service", process.pid)
            service = Service(port, key, process.pid)
            self._found(service)
            self.settle()
            yield service

    def _found(self, service: Service) -> None:
        """The organisations and activities that are posted about, and the models at the head."""
        service.post(post(service.key, BATCH, orjson.dumps(World().founding())))
        self.caught_up()

    def caught_up(self, limit_s: float = 60.0) -> float:
        """Wait until the read models are at the head; the seconds it took."""
        began = time.perf_counter()
        with connect(self.place.url, READER, autocommit=True) as conn:
            while (lag := progress.lag_of(conn)).position < lag.head:
                if time.perf_counter() - began > limit_s:
                    raise Failed(f"read models at {lag.position} of {lag.head} after {limit_s} s")
                time.sleep(0.002)
        return time.perf_counter() - began

    def server_version(self) -> str:
        """PostgreSQL's."""
        with psycopg.connect(self.place.owner_url) as conn:
            return str(conn.info.server_version // 10_000)


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A `clusterledger` command that serves, and its port once it answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "api.cli.main", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"CLUSTERLEDGER_LOG_LEVEL": "warning"},
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if line.startswith("clusterledger: http"):
                port = int(line.split("/")[2].rpartition(":")[2])
                _wait_for(port)
                yield process, port
                return
        raise Failed(f"clusterledger {arguments[0]} did not serve")
    finally:
        process.terminate()
        process.wait(60)


def _wait_for(port: int) -> None:
    until = time.monotonic() + START_LIMIT_S
    while True:
        try:
            with urlopen(f"http://127.0.0.1:{port}/livez", timeout=1):
                return
        except OSError as error:  # refused, reset, timed out
            if time.monotonic() > until:
                raise Failed(f"nothing answers after {START_LIMIT_S} s: {error}") from error
            time.sleep(0.02)


def _load(url: str, path: str) -> tuple[int, float]:
    """Facts recorded and the seconds it took, in a process prepared as the command's is."""
    configure("warning")
    tune()
    authority = Authority(f"key:{uuid4()}", frozenset({ADMIN}))
    made: Any = Spool(Path(path))
    with Ledger.open(url, driven=True) as ledger:
        began = time.perf_counter()
        outcome = load(ledger, authority, demonstration._commands(made), lambda _: None)
        seconds = time.perf_counter() - began
    if outcome.refused:
        raise Failed(f"{outcome.refused} facts were refused: {outcome.first_refusals[:1]}")
    return outcome.recorded, seconds


def _rebuild(url: str) -> tuple[int, float]:
    """As `clusterledger rebuild`."""
    configure("warning")
    report = rebuild(url)
    return report.position, report.seconds
