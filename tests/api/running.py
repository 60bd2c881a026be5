"""A running service for tests: the application on a real port, its runner, and a client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import Future
from threading import Event, Thread
from typing import Any, Self, TypeVar
from uuid import UUID

import aiohttp
import orjson
from aiohttp import web
from msgspec import Struct

from api import auth
from api.app import application
from api.serving import Runner
from api.settings import Settings
from ledger.store.book import create
from ledger.store.database import WRITER, connect
from projections import schema
from projections.runner import FACTS_CHANNEL, MODELS_CHANNEL, follow

ORIGIN = "test.example/2026"
SOURCE = "//test.example/app"
BATCH = "application/cloudevents-batch+json"
ONE = "application/cloudevents+json"
WAIT_S = 20

T = TypeVar("T")


class Answer(Struct, frozen=True):
    """What came back. Header names are matched without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return orjson.loads(self.body)

    @property
    def code(self) -> str | None:
        """The code of a problem."""
        return self.json().get("code") if "problem+json" in self.headers["Content-Type"] else None


class Loop:
    """An event loop in a thread of its own, so that tests stay plain functions."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()

    def start(self, work: Awaitable[T]) -> Future[T]:
        async def run() -> T:
            return await work

        return asyncio.run_coroutine_threadsafe(run(), self.loop)

    def run(self, work: Awaitable[T]) -> T:
        return self.start(work).result(WAIT_S)

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(WAIT_S)
        self.loop.close()


class Client:
    """Asks with one key; `key=None` asks without."""

    def __init__(self, service: Service, key: str | None) -> None:
        self.service = service
        self.key = key

    def ask(
        self,
        method: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        body: Any = None,
        data: bytes | None = None,
    ) -> Answer:
        """One request; `body` is sent as JSON, `data` as it is."""
        sent = dict(headers or {})
        if self.key is not None:
            sent.setdefault("Authorization", f"Bearer {self.key}")
        if body is not None:
            data = orjson.dumps(body)
            sent.setdefault("Content-Type", "application/json")
        given = {k: str(v) for k, v in (params or {}).items() if v is not None}
        return self.service.client_loop.run(
            self.service.ask(method, path, params=given, headers=sent, data=data)
        )

    def get(
        self,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        return self.ask("GET", path, params, headers=headers)

    def read(self, path: str, params: Mapping[str, Any] | None = None) -> Any:
        """GET what the service knows by now: waits for the read models to reach the head."""
        given = {"min_position": self.service.position, **(params or {})}
        answer = self.get(path, given, headers={"Prefer": "wait=10"})
        assert answer.status == 200, answer.body.decode()
        return answer.json()

    def post(self, *facts: tuple[str, Mapping[str, Any]], source: str = SOURCE) -> list[Any]:
        """Post (type, data) pairs in one atomic batch; a receipt each. Ids are made up."""
        return self.post_events(self.service.event(type, data, source) for type, data in facts)

    def post_events(self, events: Iterable[Mapping[str, Any]]) -> list[Any]:
        """Post whole CloudEvents in one atomic batch; a receipt each."""
        answer = self.ask("POST", "/v1/facts", headers={"Content-Type": BATCH}, body=list(events))
        assert answer.status in {200, 201}, answer.body.decode()
        receipts: list[Any] = answer.json()["items"]
        self.service.position = max(self.service.position, receipts[-1]["position"])
        return receipts


class Service:
    """The whole service in this process: HTTP on a free port, and the runner following the book."""

    def __init__(self, url: str, settings: Settings | None = None, *, runner: bool = True) -> None:
        self.url = url
        self.settings = settings or Settings(rate_limit=0, public_rate_limit=0)
        self.position = 0
        """The last position that a client of this service was given."""
        self._ids = 0
        create(url, ORIGIN)
        schema.ensure(url)
        self._stop = Event()
        self._runner = Thread(target=follow, args=(url, self._stop), daemon=True)
        self._follows = runner
        # The client has a loop of its own: what blocks the service's must not stop the asking.
        self.service_loop = Loop()
        self.client_loop = Loop()

    def __enter__(self) -> Self:
        if self._follows:
            self._runner.start()
        self.service_loop.run(self._serve())
        self.session = self.client_loop.run(self._open_session())
        return self

    async def _serve(self) -> None:
        app = application(self.url, self.settings)
        self.app_runner = Runner(app, access_log=None, shutdown_timeout=5)
        await self.app_runner.setup()
        site = web.TCPSite(self.app_runner, "127.0.0.1", 0)
        await site.start()
        port: int = self.app_runner.addresses[0][1]
        self.base = f"http://127.0.0.1:{port}"

    async def _open_session(self) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=WAIT_S))

    async def ask(self, method: str, path: str, **given: Any) -> Answer:
        async with self.session.request(
            method, self.base + path, allow_redirects=False, **given
        ) as got:
            return Answer(got.status, got.headers, await got.read())

    def stop_serving(self) -> None:
        """Let go of the port, as a service does that was told to end."""
        stopping = self.service_loop.start(self.app_runner.cleanup())
        self._wake(stopping.done)
        stopping.result(WAIT_S)

    def _wake(self, done: Callable[[], bool]) -> None:
        """Whoever listens to the database looks up at once, and sees that it is to stop."""
        with connect(self.url, WRITER, autocommit=True) as conn:
            while not done():
                conn.execute(f"NOTIFY {MODELS_CHANNEL}; NOTIFY {FACTS_CHANNEL}")

    def __exit__(self, *_: object) -> None:
        self.client_loop.run(self.session.close())
        self.stop_serving()
        self._stop.set()
        if self._follows:
            self._wake(lambda: not self._runner.is_alive())
            self._runner.join(WAIT_S)
        self.service_loop.close()
        self.client_loop.close()

    def event(self, type: str, data: Mapping[str, Any], source: str = SOURCE) -> dict[str, Any]:
        """A CloudEvent with a fresh id."""
        self._ids += 1
        return {
            "specversion": "1.0",
            "id": f"e{self._ids}",
            "source": source,
            "type": type,
            "data": data,
        }

    def key(
        self,
        *scopes: str,
        clusters: Iterable[str] = (),
        sources: Iterable[str] = ("*",),
        label: str = "test",
        **more: Any,
    ) -> tuple[str, UUID]:
        """A new key and its id."""
        with connect(self.url, WRITER, autocommit=True) as conn:
            return auth.create_key(
                conn, label=label, scopes=scopes, clusters=clusters, sources=sources, **more
            )

    def client(self, *scopes: str, clusters: Iterable[str] = (), **more: Any) -> Client:
        """A client with a key of its own."""
        return Client(self, self.key(*scopes, clusters=clusters, **more)[0])

    def public(self) -> Client:
        """A client without a key."""
        return Client(self, None)


Clients = Callable[..., Client]
