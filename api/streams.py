"""Server-Sent Events: streams that end with the service, the client, or the right to read."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import ClientConnectionResetError, web

from api.answers import EVENTS, stream
from api.dispatch import who
from api.problems import Problem

STREAMS_MAX: Final = 500
"""Streams open at once in a process: each costs a reading for every wake-up."""


class Streams:
    """The streams open in this process, and the word for all of them to end."""

    def __init__(self) -> None:
        self.open: set[asyncio.Future[None]] = set()
        """One a stream, done when it has ended."""
        self.ending = asyncio.Event()


STREAMS: Final = web.AppKey("streams", Streams)


def install(app: web.Application) -> None:
    """Let streams end when the service stops, before it waits for its handlers."""
    app[STREAMS] = Streams()

    async def end(app: web.Application) -> None:
        app[STREAMS].ending.set()

    app.on_shutdown.append(end)


async def streamed(
    request: web.Request, follow: Callable[[web.StreamResponse], Awaitable[None]]
) -> web.StreamResponse:
    """An answer that `follow` writes until it returns. Raises Problem `busy` beyond STREAMS_MAX."""
    streams = request.app[STREAMS]
    if len(streams.open) >= STREAMS_MAX:
        raise Problem("busy", "Too many live streams are open.", headers={"Retry-After": "5"})
    response = stream(EVENTS, {"X-Accel-Buffering": "no"})
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    streams.open.add(ended)
    try:
        await response.prepare(request)
        await response.write(b"retry: 2000\n\n")
        await follow(response)
        await response.write_eof()
    except ClientConnectionResetError:
        pass  # the client went away: how a live stream ends
    finally:
        streams.open.discard(ended)
        ended.set_result(None)
    return response


async def still_may(request: web.Request, scope: str) -> bool:
    """Whether who opened a stream may still read it: by key, token or session."""
    try:
        return (await who(request)).has(scope)
    except Problem:
        return False
