"""The service's processes: one follows the book, some answer, one looks after them."""

import asyncio
import contextlib
import gc
import multiprocessing
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web
from msgspec.structs import replace

from api.app import application
from api.counting import Counts, Row, shared
from api.logs import configure
from api.serving import Runner
from api.settings import Settings
from ledger.store.embedded import EmbeddedPostgres
from ledger.store.errors import StoreError
from ledger.store.processes import die_with
from ledger.transparency.signer import sign_along
from projections.runner import follow

log: Final = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 0.5
STOP_LIMIT_S: Final = 20.0
STEADY_S: Final = 10.0
"""What lived this long and died is started again at once; what dies sooner, after a pause that
doubles up to PAUSE_MAX_S: a full disk is not helped by trying twice a second."""
PAUSE_MAX_S: Final = 5.0
GC_THRESHOLDS: Final = (200_000, 20, 50)
"""The writer keeps tens of thousands of streams, which hold no cycles: full collections that walk
them cost a third of its time at Python's defaults."""
GC_YOUNG_SERVING: Final = 5_000
"""Pages and refusals leave cycles behind: 50,000 such objects keep who asks waiting for 25 ms."""
SWITCH_INTERVAL_S: Final = 0.0005
"""A thread that waited for PostgreSQL, a writer's or a reader's, takes the interpreter back from a
busy event loop or loader, which gives it up after this long. Python's own is 5 ms."""


def tune(*, serving: bool = False) -> None:
    """For a process that keeps many small objects, with the writer as one of its threads.

    Collections come more often and are shorter where somebody waits for an answer.
    """
    young, *older = GC_THRESHOLDS
    gc.set_threshold(GC_YOUNG_SERVING if serving else young, *older)
    sys.setswitchinterval(SWITCH_INTERVAL_S)


class Pause:
    """When to start again what died: at once, or ever later while it does not stay."""

    def __init__(self) -> None:
        self._began_at = time.monotonic()
        self._pause_s = 0.0
        self._due_at: float | None = None

    def noticed(self) -> float | None:
        """It is found dead: seconds until it is due; None where that was noticed before."""
        if self._due_at is not None:
            return None
        now = time.monotonic()
        if now - self._began_at >= STEADY_S:
            self._pause_s = 0.0
        else:
            self._pause_s = min(max(2 * self._pause_s, LOOK_EVERY_S), PAUSE_MAX_S)
        self._due_at = now + self._pause_s
        return self._pause_s

    def is_due(self) -> bool:
        """Whether to start it now."""
        return self._due_at is not None and time.monotonic() >= self._due_at

    def started(self) -> None:
        """It is tried again."""
        self._began_at, self._due_at = time.monotonic(), None


class Service:
    """A supervisor of its children: what dies is started again, all stop together."""

    def __init__(
        self,
        url: str,
        settings: Settings,
        listener: socket.socket,
        postgres: EmbeddedPostgres | None,
    ) -> None:
        self._url = url
        self._settings = with_secret(settings)
        self._listener = listener
        self._postgres = postgres
        self._context = multiprocessing.get_context("spawn")
        self._children: dict[str, BaseProcess] = {}
        self._pauses: defaultdict[str, Pause] = defaultdict(Pause)
        self._counts = shared(self._context, settings.workers)
        self._stopping = threading.Event()

    def start(self) -> None:
        """Start all children. From here on a signal to stop is an orderly one."""
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, lambda *_: self._stopping.set())
        self._pauses["postgres"].started()
        self._start("projector")
        for number in range(self._settings.workers):
            self._start(f"worker-{number + 1}")

    def run(self) -> None:
        """Look after the children until a signal says stop."""
        while not self._stopping.wait(LOOK_EVERY_S):
            if self._postgres is not None and not self._postgres.alive:
                self._revive(self._postgres, self._pauses["postgres"])
            for name, child in list(self._children.items()):
                if not child.is_alive():
                    self._replace(name, child, self._pauses[name])

    @staticmethod
    def _revive(postgres: EmbeddedPostgres, pause: Pause) -> None:
        """Start PostgreSQL again. Where it cannot (a full disk), the service goes on without it,
        answers 503, and tries later."""
        pause.noticed()
        if not pause.is_due():
            return
        pause.started()
        try:
            postgres.revive()
        except (StoreError, OSError) as error:
            log.error("postgres_not_revived", error=str(error)[:500])

    def _replace(self, name: str, child: BaseProcess, pause: Pause) -> None:
        pause_s = pause.noticed()
        if pause_s is not None:
            log.warning("process_died", process=name, exit_code=child.exitcode, again_in_s=pause_s)
        if pause.is_due():
            self._start(name)

    def stop(self) -> None:
        """Let every child finish what it has, then go."""
        for child in self._children.values():
            if child.is_alive():
                child.terminate()
        until = time.monotonic() + STOP_LIMIT_S
        for name, child in self._children.items():
            child.join(max(until - time.monotonic(), 0.1))
            if child.is_alive():
                log.warning("process_killed", process=name)
                child.kill()
                child.join()

    def _start(self, name: str) -> None:
        if name == "projector":
            target: Any = _projector
            arguments: tuple[Any, ...] = (os.getpid(), self._url, self._settings)
        else:
            target = _worker
            number = int(name.rpartition("-")[2]) - 1
            # Only one process has the metrics' port.
            settings = replace(self._settings, metrics_port=None) if number else self._settings
            arguments = (os.getpid(), self._url, settings, self._listener, self._counts, number)
        child = self._context.Process(target=target, args=arguments, name=name, daemon=True)
        child.start()
        self._children[name] = child
        self._pauses[name].started()


def with_secret(settings: Settings) -> Settings:
    """With a secret that all workers sign sessions with: any of them may get the next request.

    It goes to them through the pipe that starts them, and lasts as long as this service.
    """
    return replace(settings, session_secret=settings.session_secret or secrets.token_urlsafe(32))


def listen(host: str, port: int) -> socket.socket:
    """The socket that all workers accept on. OSError when the address is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(1024)
    listener.setblocking(False)
    return listener


def _projector(parent: int, url: str, settings: Settings) -> None:
    """A process: keeps the read models at the head."""
    die_with(parent)
    configure(settings.log_level)
    tune()
    stop = threading.Event()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    signer = _signer(url, settings, stop)
    follow(url, stop)
    if signer is not None:
        signer.join(STOP_LIMIT_S / 2)


def _signer(url: str, settings: Settings, stop: threading.Event) -> threading.Thread | None:
    """The log's signer, beside the projector: one of each per service."""
    if settings.log_dir is None:
        return None
    publish = None if settings.checkpoint_dir is None else Path(settings.checkpoint_dir)
    signer = threading.Thread(
        target=sign_along,
        args=(url, Path(settings.log_dir), publish, stop),
        name="log-signer",
        daemon=True,
    )
    signer.start()
    return signer


def _worker(
    parent: int,
    url: str,
    settings: Settings,
    listener: socket.socket,
    rows: Sequence[Row],
    number: int,
) -> None:
    """A process: answers requests."""
    die_with(parent)
    configure(settings.log_level)
    tune(serving=True)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
    asyncio.run(_serve(url, settings, listener, Counts(rows, number)))


async def _serve(url: str, settings: Settings, listener: socket.socket, counts: Counts) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    runner = Runner(
        application(url, settings, counts),
        access_log=None,
        shutdown_timeout=5,
        handler_cancellation=True,
    )
    await runner.setup()
    await web.SockSite(runner, listener).start()
    await stop.wait()
    await runner.cleanup()
