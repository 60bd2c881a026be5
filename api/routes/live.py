"""GET /v1/facts/live: facts as they come, as Server-Sent Events."""

import asyncio
from typing import Final

import msgspec
from aiohttp import ClientConnectionResetError, web
from msgspec.structs import replace

from api.answers import EVENTS, accepted, stream
from api.contract import Answer, Route, query
from api.dispatch import who
from api.problems import Finding, Problem
from api.requests import known_at
from api.routes.trail import TRAIL_READ, filters_of, page_of
from api.routes.trail_shapes import FactItem, Matching
from api.state import STATE, State
from projections.views.trail import Filters

PAGE_FACTS: Final = 500
HEARTBEAT_S: Final = 15.0
STREAMS_MAX: Final = 500
"""Streams open at once in a process: each costs a reading for every wake-up."""
LAST_EVENT_ID: Final = "Last-Event-ID"


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


async def live(request: web.Request) -> web.StreamResponse:
    """Facts behind `Last-Event-ID` (or `after`, or from now on), each as soon as it can be read.

    `id:` is the position, `data:` the fact. A comment comes every 15 seconds, with the position
    read so far. The stream ends when the service stops or the key is revoked; resume it.
    """
    asked = query(request, Matching)
    accepted(request, EVENTS)
    state, streams = request.app[STATE], request.app[STREAMS]
    filters = filters_of(request, asked)
    position = await _start(request, state, asked.after)
    if len(streams.open) >= STREAMS_MAX:
        raise Problem("busy", "Too many live streams are open.", headers={"Retry-After": "5"})
    response = stream(EVENTS, {"X-Accel-Buffering": "no"})
    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    streams.open.add(ended)
    try:
        await response.prepare(request)
        await _follow(request, response, filters, position)
        await response.write_eof()
    except ClientConnectionResetError:
        pass  # the client went away: how a live stream ends
    finally:
        streams.open.discard(ended)
        ended.set_result(None)
    return response


async def _start(request: web.Request, state: State, after: int | None) -> int:
    """The position behind which the stream begins. Raises Problem where that is not yet known."""
    given = request.headers.get(LAST_EVENT_ID)
    if given is not None:
        if not (given.isascii() and given.isdecimal() and len(given) <= 15):
            raise Problem("invalid_header", f"{LAST_EVENT_ID} holds a position.")
        after = int(given)
    now = await known_at(request, None, None)
    if after is None:
        return now
    if after > now:
        head = (await asyncio.to_thread(state.ledger.book.head)).position
        if after > head:
            detail = f"Position {after} lies beyond the ledger's head, {head}."
            raise Problem("invalid_parameter", detail, errors=(Finding("after", detail),))
    return after


async def _follow(
    request: web.Request, response: web.StreamResponse, filters: Filters, position: int
) -> None:
    """Write facts until the service stops, the client is gone, or its key holds no longer.

    Pages end at the read models' position, which passes no gap: every fact up to it is there.
    """
    state, streams = request.app[STATE], request.app[STREAMS]
    await response.write(b"retry: 2000\n\n")
    while not streams.ending.is_set() and await _still_holds(request):
        if state.progress.position <= position:
            if not await _moved(state, streams, position):
                await response.write(b"id: %d\n: \n\n" % position)
            continue
        upto = state.progress.position
        items = await page_of(
            state, replace(filters, after=position), upto, newest_first=False, limit=PAGE_FACTS
        )
        if items:
            await response.write(b"".join(map(_event, items)))
        position = upto if len(items) < PAGE_FACTS else items[-1].position


async def _moved(state: State, streams: Streams, position: int) -> bool:
    """Wait for facts behind a position; False after a while without any, or when all ends."""
    moved = asyncio.ensure_future(state.progress.reach(position + 1, HEARTBEAT_S))
    ending = asyncio.ensure_future(streams.ending.wait())
    try:
        await asyncio.wait({moved, ending}, return_when=asyncio.FIRST_COMPLETED)
        return moved.done() and moved.result()
    finally:
        moved.cancel()
        ending.cancel()


async def _still_holds(request: web.Request) -> bool:
    """Whether who opened the stream may still read: by key, token or session."""
    try:
        return (await who(request)).has(TRAIL_READ)
    except Problem:
        return False


def _event(item: FactItem) -> bytes:
    return b"id: %d\ndata: %b\n\n" % (item.position, msgspec.json.encode(item))


ROUTES: Final = (
    Route(
        "GET",
        "/v1/facts/live",
        live,
        "Facts as they come (Server-Sent Events)",
        TRAIL_READ,
        {200: Answer("A stream of facts.", None, (EVENTS,))},
        "facts",
        query=Matching,
        request_headers=((LAST_EVENT_ID, "Resume behind this position.", int),),
        problems=(400, 401, 403, 406, 429, 503),
    ),
)
