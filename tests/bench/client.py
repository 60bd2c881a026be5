"""The load generator: keep-alive connections, one request at a time on each, no pipelining.

It does as little as a client can: requests are bytes made before, of an answer it reads the status
and the length. It shares the cores with what it measures, and is the same for value and limit.
"""

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from msgspec import Struct

from tests.bench.children import apart
from tests.bench.rows import Failed

PATIENCE_S: Final = 60.0


class Job(Struct, frozen=True):
    """`make(*args)` gives the requests, in the client's process and before the clock starts.

    It ends when all are answered or, after `seconds`, with what is then under way. With `per_s`
    request n is sent at n / per_s at the earliest; without, as soon as a connection is free.
    """

    port: int
    make: Callable[..., list[bytes]]
    args: tuple[Any, ...]
    connections: int = 64
    seconds: float = 60.0
    per_s: float | None = None


class Report(Struct, frozen=True):
    """What came of it. Seconds run from the first request to the last answer."""

    seconds: float
    answered: int
    statuses: dict[int, int]
    p50_ms: float
    p95_ms: float
    p99_ms: float
    first_error: bytes
    last_body: bytes

    @property
    def per_s(self) -> float:
        """Answers a second."""
        return self.answered / self.seconds

    @property
    def errors(self) -> int:
        """Answers that are no success."""
        return sum(n for status, n in self.statuses.items() if not 200 <= status < 300)

    def checked(self) -> "Report":
        """Raises Failed where an answer was an error, or there was none."""
        if self.errors or not self.answered:
            said = self.first_error.decode(errors="replace")[:500]
            raise Failed(f"the client got {self.statuses}: {said}")
        return self


def loaded(job: Job) -> Report:
    """Run a job in a process of its own. Raises Failed on any error."""
    return apart(run, job)[0].checked()


def run(job: Job) -> Report:
    """Run a job in this process."""
    with contextlib.suppress(ImportError):
        import uvloop

        return uvloop.run(_run(job))
    return asyncio.run(_run(job))


async def _run(job: Job) -> Report:
    load = _Load(job, job.make(*job.args))
    loop = asyncio.get_running_loop()
    connections: list[_Connection] = []
    for _ in range(min(job.connections, len(load.requests))):
        _, connection = await loop.create_connection(
            lambda: _Connection(load), "127.0.0.1", job.port
        )
        connections.append(connection)
    load.begin(len(connections))
    for connection in connections:
        connection.proceed()
    await asyncio.wait_for(load.done, job.seconds + PATIENCE_S)
    for connection in connections:
        connection.close()
    return load.report()


class _Load:
    """What the connections share."""

    def __init__(self, job: Job, requests: Sequence[bytes]) -> None:
        self.requests = requests
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.latencies: list[float] = []
        self._job = job
        self._next = 0
        self._statuses: Counter[int] = Counter()
        self._first_error = b""
        self._last_body = b""
        self._working = 0
        self._began = self._ended = 0.0

    def begin(self, connections: int) -> None:
        self._working = connections
        self._began = self._ended = time.perf_counter()

    def take(self) -> tuple[bytes, float] | None:
        """The next request and when it is due; None when there is no more to do."""
        number, now = self._next, time.perf_counter()
        if number >= len(self.requests) or now - self._began > self._job.seconds:
            return None
        self._next += 1
        due = self._began + number / self._job.per_s if self._job.per_s else now
        return self.requests[number], due

    def count(self, status: int, seconds: float, body: bytes) -> None:
        self._statuses[status] += 1
        self.latencies.append(seconds)
        self._last_body = body
        if status >= 300 and not self._first_error:
            self._first_error = body

    def leave(self) -> None:
        """A connection has nothing more to do."""
        self._ended = time.perf_counter()
        self._working -= 1
        if not self._working and not self.done.done():
            self.done.set_result(None)

    def lost(self) -> None:
        """A connection was closed under way: that is an error, with the status 0."""
        self.count(0, 0.0, b"")
        self._first_error = self._first_error or b"connection lost"
        self.leave()

    def report(self) -> Report:
        ordered = sorted(self.latencies) or [0.0]
        return Report(
            max(self._ended - self._began, 1e-9),
            len(self.latencies),
            dict(self._statuses),
            1e3 * ordered[len(ordered) // 2],
            1e3 * ordered[int(len(ordered) * 0.95)],
            1e3 * ordered[int(len(ordered) * 0.99)],
            self._first_error,
            self._last_body,
        )


class _Connection(asyncio.Protocol):
    """One keep-alive connection."""

    def __init__(self, load: _Load) -> None:
        self._load = load
        self._buffer = b""
        self._sent = 0.0
        self._waits = False
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's own is no subclass

    def close(self) -> None:
        self._transport.close()

    def proceed(self) -> None:
        taken = self._load.take()
        if taken is None:
            self._load.leave()
            return
        request, due = taken
        delay = due - time.perf_counter()
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, self._send, request)
        else:
            self._send(request)

    def _send(self, request: bytes) -> None:
        self._waits = True
        self._sent = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        if self._buffer:
            data = self._buffer + data
        head = data.find(b"\r\n\r\n")
        at = data.find(b"Content-Length: ", 0, head) if head > 0 else -1
        if at < 0 or len(data) < head + 4 + int(data[at + 16 : data.index(b"\r", at)]):
            self._buffer = data
            return
        self._buffer = b""
        self._waits = False
        self._load.count(int(data[9:12]), time.perf_counter() - self._sent, data[head + 4 :])
        self.proceed()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        if self._waits:
            self._load.lost()
