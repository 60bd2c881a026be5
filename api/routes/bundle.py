"""The audit bundle over HTTP, made while it is sent."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Final

from aiohttp import ClientConnectionResetError, hdrs, web
from msgspec import Struct

from api.answers import stream
from api.bundling import contents_of, reports_of
from api.contract import Answer, Route, query
from api.problems import Finding, Problem
from api.requests import authority_of
from api.routes.log import not_as_signed, signed_note
from api.routes.trail import TRAIL_READ, limited_to
from api.routes.trail_shapes import Position
from api.state import STATE
from ledger.store import proofs
from ledger.store.database import READER, UNLIMITED, connect
from ledger.store.stored_log import StoredLog
from ledger.transparency.bag import as_tar
from ledger.transparency.bundle import held_before, members
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.memory import SigningRefused, demand_growth
from ledger.transparency.note import InvalidNote
from ledger.transparency.tiles import NoTile

TAR: Final = "application/x-tar"
SENT_BYTES: Final = 1 << 20
WRITE_LIMIT_S: Final = 60.0
"""How long a reader may take for SENT_BYTES: 17 kB/s."""


class BundleQuery(Struct, frozen=True):
    """Which facts."""

    after: Position | None = None
    """Only facts behind this position: the size of a checkpoint that is held; left out: all."""
    since: str | None = None
    """A checkpoint that is held, its whole text: the bundle proves that the log grew from it."""


async def bundle(request: web.Request) -> web.StreamResponse:
    """Everything up to the last checkpoint, or a range of it, as a tar that proves itself.

    Verify it offline: docs/verifying.md. What breaks off while it is sent is cut, and never valid.
    """
    asked = query(request, BundleQuery)
    state = request.app[STATE]
    if limited_to(authority_of(request)) is not None:
        detail = "A bundle holds facts of all clusters, and this key covers some."
        raise Problem("cluster_not_covered", detail)
    note, checkpoint = await signed_note(state)
    after = asked.after or 0
    if after > checkpoint.size:
        detail = f"The last checkpoint has {checkpoint.size} facts, not {after}."
        raise Problem("invalid_parameter", detail, errors=(Finding("after", detail),))
    held = None if asked.since is None else _held(asked.since, checkpoint)
    if state.bundling.locked():
        raise Problem("busy", "Another bundle is being sent.", headers={"Retry-After": "30"})
    async with state.bundling:
        with ExitStack() as stack:
            try:
                chunks = await asyncio.to_thread(
                    _chunks, stack, state.url, note, checkpoint, after, held
                )
            except (SigningRefused, NoTile) as error:
                raise not_as_signed(error) from error
            return await sent(request, chunks, f"bundle-{after + 1}-{checkpoint.size}.tar")


def _held(since: str, checkpoint: Checkpoint) -> tuple[bytes, Checkpoint]:
    try:
        return held_before(since.encode(), checkpoint)
    except InvalidNote as error:
        detail = str(error)
        raise Problem("invalid_parameter", detail, errors=(Finding("since", detail),)) from error


def _chunks(
    stack: ExitStack,
    url: str,
    note: bytes,
    checkpoint: Checkpoint,
    after: int,
    held: tuple[bytes, Checkpoint] | None,
) -> Iterator[bytes]:
    stored = stack.enter_context(StoredLog(url))
    conn = stack.enter_context(connect(url, READER, autocommit=True, limits=UNLIMITED))
    demand_growth(conn, checkpoint, Checkpoint(checkpoint.origin, *proofs.head_of(conn)))
    reports = reports_of(conn, checkpoint, after=after)
    contents = contents_of(stored, conn, note, checkpoint, reports, after=after, previous=held)
    return as_tar(members(stored, contents))


async def sent(
    request: web.Request, chunks: Iterator[bytes], name: str, write_limit_s: float = WRITE_LIMIT_S
) -> web.StreamResponse:
    """The bytes as they come, some megabyte at a time. Who does not take one within the limit is
    cut off: others wait for this one's end."""
    response = stream(TAR, {hdrs.CONTENT_DISPOSITION: f'attachment; filename="{name}"'})
    try:
        await response.prepare(request)
        while part := await asyncio.to_thread(_part, chunks):
            await asyncio.wait_for(response.write(part), write_limit_s)
        await asyncio.wait_for(response.write_eof(), write_limit_s)
    except ClientConnectionResetError:
        pass  # the client went away
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    return response


def _part(chunks: Iterator[bytes]) -> bytes:
    """The next chunks, together about SENT_BYTES; nothing at the end."""
    part = bytearray()
    for chunk in chunks:
        part += chunk
        if len(part) >= SENT_BYTES:
            break
    return bytes(part)


ROUTES: Final = (
    Route(
        "GET",
        "/v1/bundle",
        bundle,
        "The audit bundle, as a stream",
        TRAIL_READ,
        {200: Answer("A BagIt bag in a tar.", None, (TAR,))},
        "log",
        query=BundleQuery,
        problems=(400, 401, 403, 404, 429, 503),
    ),
)
