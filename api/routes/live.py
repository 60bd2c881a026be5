"""GET /v1/facts/live: facts as they come, as Server-Sent Events."""

import asyncio
from functools import partial
from typing import Final

import msgspec
from aiohttp import web
from msgspec.structs import replace

from api.answers import EVENTS, accepted
from api.contract import Answer, Route, query
from api.problems import Finding, Problem
from api.requests import known_at
from api.routes.trail import TRAIL_READ, filters_of, page_of
from api.routes.trail_shapes import FactItem, Matching
from api.state import STATE, State
from api.streams import STREAMS, Streams, still_may, streamed
from projections.views.trail import Filters

PAGE_FACTS: Final = 500
HEARTBEAT_S: Final = 15.0
LAST_EVENT_ID: Final = "Last-Event-ID"


async def live(request: web.Request) -> web.StreamResponse:
    """Facts behind `Last-Event-ID` (or `after`, or from now on), each as soon as it can be read.

    `id:` is the position, `data:` the fact. A comment comes every 15 seconds, with the position
    read so far. The stream ends when the service stops or the key is revoked; resume it.
    """
    asked = query(request, Matching)
    accepted(request, EVENTS)
    state = request.app[STATE]
    filters = filters_of(request, asked)
    position = await _start(request, state, asked.after)
    return await streamed(request, partial(_follow, request, filters, position))


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
        head = (await state.book(state.ledger.book.head)).position
        if after > head:
            detail = f"Position {after} lies beyond the ledger's head, {head}."
            raise Problem("invalid_parameter", detail, errors=(Finding("after", detail),))
    return after


async def _follow(
    request: web.Request, filters: Filters, position: int, response: web.StreamResponse
) -> None:
    """Write facts until the service stops, the client is gone, or its key holds no longer.

    Pages end at the read models' position, which passes no gap: every fact up to it is there.
    """
    state, streams = request.app[STATE], request.app[STREAMS]
    while not streams.ending.is_set() and await still_may(request, TRAIL_READ):
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
