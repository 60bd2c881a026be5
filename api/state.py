"""What one serving process holds: the writer, readers, keys, and how far the read models are."""

import asyncio
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Event, Thread
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import psycopg
import structlog
from aiohttp import web
from psycopg import Connection
from psycopg_pool import ConnectionPool

from api.auth import Holder, KeyRing, digest_of, find_key
from api.counting import Counts
from api.driving import Driver
from api.gate import Gate
from api.oidc import Provider, ProviderUnavailable
from api.problems import Finding, Problem
from api.roles import roles_of
from api.sessions import Sessions
from api.settings import Settings, oidc_of
from api.tokens import TokenRefused
from api.users import bearer, find_user, subject_of
from ledger.domain.commands import Authority
from ledger.service import Ledger
from ledger.store.away import DATABASE_AWAY, is_disk_full
from ledger.store.database import READER, WRITER, connect, pool
from ledger.store.tickets import Ticket
from ledger.transparency.memory import LogFolder
from projections import progress
from projections.figures.together import Answers, Together

log: Final = structlog.get_logger(__name__)

MODELS_CHANNEL: Final = "clusterledger_models"
POLL_S: Final = 1.0
RECONNECT_S: Final = 0.25
PATIENCE_S: Final = 2.0
"""How long a request waits for a database that is away: longer than a restart takes, shorter than
anybody's patience."""
READERS: Final = 4
KEY_READERS: Final = 2
BOOK_READERS: Final = 2
BOOK_WAIT_S: Final = 10.0
"""A question to the book is a look-up by key: what takes longer is no answer."""
BODIES: Final = 32
"""Bodies of up to 5 MB that are read at the same time; further ones wait in their sockets."""
WAIT_MAX_S: Final = 10.0

P = ParamSpec("P")
R = TypeVar("R")


class Progress:
    """The position of the read models, as this process last heard, and who waits for more."""

    def __init__(self) -> None:
        self.position = 0
        self.heard_at = 0.0
        self._waiting: dict[asyncio.Future[None], int] = {}

    def advance(self, position: int) -> None:
        """Called in the event loop."""
        self.heard_at = time.monotonic()
        if position == self.position:
            return
        self.position = position
        for future, wanted in self._waiting.items():
            if position >= wanted and not future.done():
                future.set_result(None)

    @property
    def waiting(self) -> int:
        """How many wait."""
        return len(self._waiting)

    async def reach(self, position: int, timeout_s: float) -> bool:
        """Whether the read models came that far within the time."""
        if self.position >= position:
            return True
        future = asyncio.get_running_loop().create_future()
        self._waiting[future] = position
        try:
            await asyncio.wait_for(future, timeout_s)
        except TimeoutError:
            return False
        finally:
            del self._waiting[future]
        return True


class State:
    """Opened once a process, closed when it stops."""

    def __init__(self, url: str, settings: Settings, counts: Counts) -> None:
        self.url = url
        self.settings = settings
        self.ledger = Ledger.open(url, driven=True)
        self.keys = KeyRing()
        self.sessions = Sessions(settings.session_secret, lasts_s=settings.session_hours * 3600)
        oidc = oidc_of(settings)
        self.provider = None if oidc is None else Provider(oidc)
        self.progress = Progress()
        self.log_files = LogFolder.of(settings.log_dir, settings.checkpoint_dir)
        self.gate = Gate(self.log_files, self.ledger.book.origin, settings.despite_checkpoint)
        with connect(url, READER, autocommit=True) as conn:
            self.progress.position = progress.position(conn)
            self.gate.compare(conn)
        self.readers: ConnectionPool = pool(url, READER, 1, READERS, autocommit=True)
        self._key_readers: ConnectionPool = pool(url, WRITER, 1, KEY_READERS, autocommit=True)
        self._threads = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        # Nobody who only shows a key, or asks for the head, waits behind slow readings.
        self._key_threads = ThreadPoolExecutor(KEY_READERS, thread_name_prefix="key-reader")
        self._book_threads = ThreadPoolExecutor(BOOK_READERS, thread_name_prefix="book-reader")
        self.bodies = asyncio.Semaphore(BODIES)
        self.reachable = asyncio.Event()
        """Whether the database is there, as the listener finds out, who always holds a connection.
        While it is not, requests wait here, and not in threads, where each would wait its turn."""
        self.reachable.set()
        self.patience_s = PATIENCE_S
        self._answers = Answers()
        self.counts = counts
        self.bundling = asyncio.Semaphore(1)
        """One audit bundle at a time a process: it takes connections of its own."""
        self._driver: Driver | None = None
        self._stopping = Event()
        self._listener: Thread | None = None

    def listen(self) -> None:
        """Start to write, and to follow the read models' position. Called in the event loop."""
        loop = asyncio.get_running_loop()
        self._driver = Driver(self.ledger.writer, self.counts.wrote, _give_way)
        self._listener = Thread(
            target=self._listen, args=(loop,), name="models-listener", daemon=True
        )
        self._listener.start()

    async def turn(self) -> None:
        """As api.driving.Driver's: before a batch is read. Who has no writer does not wait."""
        if self._driver is not None:
            await self._driver.turn()

    def _listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """LISTEN, look once, then wake on NOTIFY or after POLL_S; start over when interrupted."""
        while not self._stopping.is_set():
            try:
                with connect(self.url, READER, autocommit=True) as conn:
                    conn.execute(f"LISTEN {MODELS_CHANNEL}")
                    self.gate.compare(conn)
                    loop.call_soon_threadsafe(self.reachable.set)
                    try:
                        self._follow(loop, conn)
                    finally:
                        if conn.broken:
                            self.gate.doubt()
            except psycopg.Error as error:
                if self.reachable.is_set():  # told once
                    log.warning("listener_interrupted", error=str(error)[:300])
                if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
                    loop.call_soon_threadsafe(self.reachable.clear)
                self._stopping.wait(RECONNECT_S)
            except RuntimeError:
                return  # the loop is closed: this process is stopping

    def _follow(self, loop: asyncio.AbstractEventLoop, conn: Connection[Any]) -> None:
        while not self._stopping.is_set():
            loop.call_soon_threadsafe(self.progress.advance, progress.position(conn))
            self.gate.follow(conn)
            for _ in conn.notifies(timeout=POLL_S, stop_after=1):
                pass

    async def read(
        self,
        function: Callable[Concatenate[Connection[Any], P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """Run a reading function in a thread, on a connection that acts as clusterledger_reader."""
        return await self._in_thread(self._threads, self.readers, function, *args, **kwargs)

    async def count(
        self,
        function: Callable[Concatenate[Together, P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """The same with an engine of figures, which knows what was counted before."""
        return await self.read(
            lambda conn: function(Together(conn, self._answers), *args, **kwargs)
        )

    async def read_keys(
        self,
        function: Callable[Concatenate[Connection[Any], P], R],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> R:
        """The same on a connection that may read keys."""
        return await self._in_thread(
            self._key_threads, self._key_readers, function, *args, **kwargs
        )

    async def book(self, function: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        """Ask the book in a thread: `function` is a method of `ledger.book` that only reads."""

        def run() -> R:
            self._demand_reachable()
            return function(*args, **kwargs)

        await self.reached()
        try:
            async with asyncio.timeout(BOOK_WAIT_S):
                return await asyncio.get_running_loop().run_in_executor(self._book_threads, run)
        except (*DATABASE_AWAY, TimeoutError) as error:
            raise _unavailable(error) from error

    async def _in_thread(
        self,
        threads: ThreadPoolExecutor,
        connections: ConnectionPool,
        function: Callable[..., R],
        *args: Any,
        **kwargs: Any,
    ) -> R:
        def run() -> R:
            self._demand_reachable()
            with connections.connection() as conn:
                return function(conn, *args, **kwargs)

        await self.reached()
        try:
            return await asyncio.get_running_loop().run_in_executor(threads, run)
        except (
            psycopg.OperationalError,
            psycopg.InterfaceError,
            psycopg.errors.UndefinedTable,  # the read models are about to be made
        ) as error:
            raise _unavailable(error) from error

    async def reached(self) -> None:
        """Wait for a database that is away. Raises Problem `unavailable`."""
        if not self.reachable.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout(self.patience_s):
                    await self.reachable.wait()
            self._demand_reachable()

    def _demand_reachable(self) -> None:
        if not self.reachable.is_set():
            raise Problem(
                "unavailable",
                "The database cannot be reached. Try again.",
                headers={"Retry-After": "1"},
            )

    async def caught_up(self, position: int | None, wait_s: float) -> int:
        """The position reads answer at, at least the given one. Raises `read_models_behind`.

        A position that nobody was given yet is refused at once: there is nothing to wait for.
        """
        if position is not None and position > self.progress.position:
            head = (await self.book(self.ledger.book.head)).position
            if position > head:
                detail = f"min_position={position} lies beyond the ledger's head, {head}."
                raise Problem(
                    "invalid_parameter",
                    detail,
                    errors=(Finding("min_position", detail, position, fix=f"At most {head}."),),
                )
        if position is not None and not await self.progress.reach(
            position, min(wait_s, WAIT_MAX_S)
        ):
            raise Problem(
                "read_models_behind",
                f"The read models are at position {self.progress.position}, not yet at {position}.",
                headers={"Retry-After": "1"},
            )
        return self.progress.position

    async def admit(self, digest: bytes) -> Authority | None:
        """Look up who was not seen lately: a key by its SHA-256, or a person by their handle."""
        return self.keys.admit(digest, await self.read_keys(_find, digest))

    async def admit_token(self, token: str) -> Authority | None:
        """Look at an access token that was not seen lately. Raises Problem `unavailable`."""
        if self.provider is None:
            return None
        try:
            claims = await self.provider.access(token)
        except TokenRefused:
            return None
        except ProviderUnavailable as error:
            log.warning("provider_unavailable", error=str(error)[:300])
            raise Problem("unavailable", "The identity provider cannot be reached.") from error
        settings = self.provider.settings
        roles = roles_of(claims, settings.roles_claim, settings.roles)
        user = await self.read_keys(bearer, subject_of(settings.issuer, claims["sub"]), roles)
        return self.keys.admit(digest_of(token), user)

    async def close(self) -> None:
        """Record what is queued and let go of everything."""
        self._stopping.set()
        if self._driver is not None:
            await self._driver.close()
        self.ledger.close()
        for threads in (self._threads, self._key_threads, self._book_threads):
            threads.shutdown(wait=True)
        self.readers.close()
        self._key_readers.close()
        if self._listener is not None:
            self._listener.join(timeout=POLL_S * 2)


def _unavailable(error: Exception) -> Problem:
    log.warning("read_failed", error=str(error)[:300])
    if is_disk_full(error):
        detail = "The database's disk is full: there is no room for what this reading sorts."
        return Problem("disk_full", detail, headers={"Retry-After": "5"})
    return Problem(
        "unavailable",
        "The database cannot be reached or took too long. Try again.",
        headers={"Retry-After": "1"},
    )


def _find(conn: Connection[Any], digest: bytes) -> Holder | None:
    return find_key(conn, digest) or find_user(conn, digest)


def deliver(tickets: Sequence[Ticket]) -> None:
    """Wake the handlers of a whole batch. Called in the event loop, which drives the writer."""
    for ticket in tickets:
        future: asyncio.Future[Ticket] = ticket.tag
        ticket.tag = None  # else each holds the other, and all facts, until the collector comes
        if not future.done():
            future.set_result(ticket)


def _give_way() -> None:
    """End this worker as a stop would: the supervisor starts another that can write."""
    signal.raise_signal(signal.SIGTERM)


STATE: Final = web.AppKey("state", State)
