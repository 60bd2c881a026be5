"""The limits over HTTP: aiohttp handlers that do what cannot be left out, without auth or rules.

They decode, hash, and write durably: into a table with the book's columns and indexes, rows as long
as the book's.
"""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from hashlib import sha256
from itertools import count
from multiprocessing.connection import Connection as Pipe
from typing import Any, Final

import orjson
import psycopg
from aiohttp import web

from ledger.store.arrays import BigintArray, ByteaArray, TextArray, UuidArray, register
from tests.bench.copying import COPY_FACTS, HEADER, LEAF, TRAILER, micros_of, packed

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Fact = tuple[int, bytes, str, bytes, bytes, bytes, datetime]
BODY_BYTES_MAX: Final = 50_000_000
_positions = count(time.time_ns() // 1000)  # beyond those of earlier rounds
_INSERT: Final = (
    "INSERT INTO bench.facts (notification_id, originator_id, originator_version, topic, state,"
    " leaf_hash, event_key, recorded_at)"
    " SELECT p, s, 1, t, state, h, k, %s FROM unnest(%s, %s, %s, %s, %s, %s)"
    " AS u (p, s, t, state, h, k)"
)


def _fact(event: dict[str, Any]) -> Fact:
    """Decoded and hashed: what a row of the table needs."""
    at = datetime.now(UTC)
    position = next(_positions)
    key = sha256(f"{event['source']}\n{event['id']}".encode()).digest()
    leaf = LEAF % (
        orjson.dumps(event["data"], option=orjson.OPT_SORT_KEYS),
        event["id"].encode(),
        position,
        at.isoformat().encode(),
        event["source"].encode(),
        key[16:].hex().encode(),
        event["type"].encode(),
    )
    leaf_hash = sha256(b"\x00" + leaf).digest()
    return position, key[16:], event["type"], leaf, leaf_hash, key[:16], at


def _receipt(fact: Fact) -> dict[str, Any]:
    return {"position": fact[0], "recorded_at": fact[6], "leaf_hash": fact[4].hex()}


class GroupCommit:
    """One fact a request; what arrives while a transaction commits goes into the next one."""

    def __init__(self, url: str) -> None:
        self._queue: queue.SimpleQueue[tuple[Fact, asyncio.Future[None]]] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._conn = psycopg.connect(url, autocommit=True)
        register(self._conn)
        threading.Thread(target=self._run, daemon=True).start()

    async def post(self, request: web.Request) -> web.StreamResponse:
        fact = _fact(orjson.loads(await request.read()))
        future = self._loop.create_future()
        self._queue.put((fact, future))
        await future
        body = orjson.dumps(_receipt(fact))
        return web.Response(status=201, body=body, content_type="application/json")

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            with contextlib.suppress(queue.Empty):
                while len(batch) < 4_000:
                    batch.append(self._queue.get_nowait())
            facts = [fact for fact, _ in batch]
            self._conn.execute(
                _INSERT,
                (
                    facts[0][6],
                    BigintArray.of([fact[0] for fact in facts]),
                    UuidArray.of_bytes([fact[1] for fact in facts]),
                    TextArray.of([fact[2] for fact in facts]),
                    ByteaArray.of([fact[3] for fact in facts]),
                    ByteaArray.of([fact[4] for fact in facts]),
                    UuidArray.of_bytes([fact[5] for fact in facts]),
                ),
                prepare=True,
            )
            self._loop.call_soon_threadsafe(_wake, [future for _, future in batch])


def _wake(futures: list[asyncio.Future[None]]) -> None:
    for future in futures:
        if not future.done():
            future.set_result(None)


class BatchCopy:
    """A batch a request, each copied in binary in a transaction of its own, beside the decoding."""

    def __init__(self, url: str) -> None:
        self._thread = ThreadPoolExecutor(1)
        self._conn = psycopg.connect(url, autocommit=True)

    async def post(self, request: web.Request) -> web.StreamResponse:
        facts = [_fact(event) for event in orjson.loads(await request.read())]
        rows = [HEADER, *(packed(*fact[:6], micros_of(fact[6])) for fact in facts), TRAILER]
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(self._thread, self._copy, b"".join(rows))
        body = orjson.dumps({"items": [_receipt(fact) for fact in facts]})
        return web.Response(status=201, body=body, content_type="application/json")

    def _copy(self, rows: bytes) -> None:
        with self._conn.cursor() as curs, curs.copy(COPY_FACTS) as copy:
            copy.write(rows)


def group_commit(pipe: Pipe, url: str) -> None:
    """Serve the limit of single facts."""
    _serve(pipe, "POST", lambda: GroupCommit(url).post)


def batch_copy(pipe: Pipe, url: str) -> None:
    """Serve the limit of batches."""
    _serve(pipe, "POST", lambda: BatchCopy(url).post)


def answering(pipe: Pipe, body: bytes) -> None:
    """Serve the same bytes for every GET: the limit of reading."""

    async def answer(_: web.Request) -> web.StreamResponse:
        return web.Response(body=body, content_type="application/json")

    _serve(pipe, "GET", lambda: answer)


def _serve(pipe: Pipe, method: str, make: Callable[[], Handler]) -> None:
    """As the service does: uvloop where there is one, no access log."""
    with contextlib.suppress(ImportError):
        import uvloop

        asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())

    async def main() -> None:
        app = web.Application(client_max_size=BODY_BYTES_MAX)
        app.router.add_route(method, "/{path:.*}", make())
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        pipe.send(runner.addresses[0][1])
        await asyncio.Event().wait()

    asyncio.run(main())
