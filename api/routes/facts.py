"""POST /v1/facts: a cluster app's way in."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

import msgspec
from aiohttp import web
from msgspec import Meta, Struct

from api.contract import ANY, Answer, Route, query
from api.intake import cloudevents
from api.intake.cloudevents import Event, Taken
from api.problems import Problem, code_of_failure, of_refusal
from api.requests import authority_of, body_of
from api.state import STATE, State, deliver
from ledger.domain.commands import Authority, Command, Incoming, Receipt, Refused
from ledger.store.outcomes import DiskFull, WriterBusy, WriterClosed
from ledger.store.tickets import Ticket

_JSON: Final = {"Content-Type": "application/json"}
_WRITING: Final = frozenset({"admin", "organisations:write", "people:write", "people:erase"})


class Posting(Struct, frozen=True):
    """What may be said about a batch."""

    atomic: bool = True
    """All or nothing; `false` records what is valid and reports the rest."""


class Item(Receipt, kw_only=True, omit_defaults=True, gc=False):
    """One event of a batch that is in the ledger: 201, or 200 where it was there before."""

    status: Literal[200, 201]

    @classmethod
    def of(cls, it: Receipt) -> "Item":
        """A receipt as an item."""
        return cls(
            it.id,
            it.source,
            it.position,
            it.recorded_at,
            it.leaf_hash,
            it.stream,
            it.version,
            it.tree_size,
            it.root,
            it.duplicate,
            status=200 if it.duplicate else 201,
        )


def _submit(
    state: State, authority: Authority, facts: tuple[Incoming, ...]
) -> asyncio.Future[Ticket]:
    state.gate.demand()
    future: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
    try:
        state.ledger.submit(Command(authority, facts), deliver, future)
    except WriterBusy as busy:
        headers = {"Retry-After": str(busy.retry_after_s)}
        raise Problem("busy", str(busy), headers=headers) from busy
    except WriterClosed as closed:
        raise Problem("unavailable", str(closed), headers={"Retry-After": "5"}) from closed
    return future


def _unknown(error: Exception) -> Problem:
    after_s = "5" if isinstance(error, DiskFull) else "1"
    return Problem(code_of_failure(error), str(error), headers={"Retry-After": after_s})


async def recorded(state: State, authority: Authority, fact: Incoming) -> Receipt:
    """One fact recorded; its receipt. Raises Problem."""
    return (await recorded_together(state, authority, (fact,), pointer=""))[0]


async def recorded_together(
    state: State, authority: Authority, facts: tuple[Incoming, ...], *, pointer: str = "/{item}"
) -> list[Receipt]:
    """Facts recorded, or none of them; a receipt each.

    Raises Problem; `pointer` leads to the fact in the way.
    """
    ticket = await _submit(state, authority, facts)
    if ticket.error is None:
        return ticket.receipts
    if isinstance(ticket.error, Refused):
        refused = ticket.error
        prefix = pointer.format(item=refused.item)
        raise of_refusal(refused.refusal, facts[refused.item].fact, prefix) from refused
    raise _unknown(ticket.error)


async def post(request: web.Request) -> web.StreamResponse:
    """Record facts; a receipt each.

    One event, a batch, or binary mode: `Content-Type: application/json`, the attributes as headers
    `ce-specversion`, `ce-id`, `ce-source`, `ce-type`, and the fact as the body. The same id and
    source with the same content answers 200 with the first receipt.
    """
    state = request.app[STATE]
    await state.reached()
    state.gate.demand()  # one answer, not one an item
    authority = authority_of(request)
    atomic = query(request, Posting).atomic
    if not _writes(authority):
        raise Problem("scope_missing", "This key records nothing: it has no scope that writes.")
    body = await body_of(request, state.settings.body_timeout_s)
    media_type = request.content_type
    if media_type == cloudevents.BATCHED:
        if "If-Match" in request.headers:
            # Which of the streams it means nobody can say; ignored, it would promise too much.
            raise Problem("invalid_header", "In a batch each event has its `expectedversion`.")
        await state.turn()
        return await _batch(state, authority, cloudevents.batched(body), atomic=atomic)
    if media_type == cloudevents.STRUCTURED:
        taken = cloudevents.structured(body)
    elif media_type == cloudevents.PLAIN and "ce-id" in request.headers:
        taken = cloudevents.binary(request.headers, body)
    else:
        raise Problem(
            "unsupported_media_type",
            f"{_sent(request)} Send {cloudevents.STRUCTURED}, {cloudevents.BATCHED},"
            f" or {cloudevents.PLAIN} with ce- headers.",
        )
    return await _single(state, authority, _conditional(request, taken))


def _writes(authority: Authority) -> bool:
    """Whether a key may record anything at all: a body is not read for nothing."""
    scopes = authority.scopes
    return not _WRITING.isdisjoint(scopes) or any(s.startswith("facts:write:") for s in scopes)


def _sent(request: web.Request) -> str:
    """What is wrong with the media type; where there is none, the framework assumes one."""
    if "Content-Type" not in request.headers:
        return "The request has no Content-Type."
    return f"{request.content_type!r} is not taken."


def _conditional(request: web.Request, taken: Taken) -> Taken:
    """If-Match names the stream's version that the write expects."""
    tag = request.headers.get("If-Match")
    if tag is None or isinstance(taken, Problem):
        return taken
    version = tag.strip().strip('"')
    if not (version.isascii() and version.isdecimal()) or len(version) > 15:
        raise Problem("invalid_header", 'If-Match holds a stream\'s version: "3".')
    return Incoming(
        taken.id,
        taken.source,
        taken.topic,
        taken.fact,
        taken.data,
        taken.causation,
        taken.correlation,
        int(version),
    )


async def _single(state: State, authority: Authority, taken: Taken) -> web.Response:
    if isinstance(taken, Problem):
        raise taken
    receipt = await recorded(state, authority, taken)
    return web.Response(
        status=200 if receipt.duplicate else 201,
        body=msgspec.json.encode(receipt),
        headers={
            **_JSON,
            "Location": f"/v1/facts/{receipt.position}",
            "ETag": f'"{receipt.version}"',
            "Ledger-Position": str(receipt.position),
        },
    )


async def _batch(
    state: State, authority: Authority, items: list[Taken], *, atomic: bool
) -> web.Response:
    if atomic:
        return await _atomic(state, authority, items)
    futures = [_submit_item(state, authority, item) for item in items]
    answers: list[Item | dict[str, Any]] = []
    for index, (item, future) in enumerate(zip(items, futures, strict=True)):
        if isinstance(future, Problem):
            state.counts.refused(future.code)
            answers.append(future.body())
            continue
        ticket = await future
        answers.append(_item(state, item, ticket, f"/{index}"))
    return _answer(answers)


def _submit_item(
    state: State, authority: Authority, item: Taken
) -> asyncio.Future[Ticket] | Problem:
    """A full queue refuses single items, not what was queued before them."""
    if isinstance(item, Problem):
        return item
    try:
        return _submit(state, authority, (item,))
    except Problem as problem:
        return problem


def _item(state: State, item: Taken, ticket: Ticket, prefix: str) -> Item | dict[str, Any]:
    if ticket.error is None:
        return Item.of(ticket.receipts[0])
    if isinstance(ticket.error, Refused) and isinstance(item, Incoming):
        state.counts.refused(ticket.error.refusal.code)
        return of_refusal(ticket.error.refusal, item.fact, prefix).body()
    return _unknown(ticket.error).body()


async def _atomic(state: State, authority: Authority, items: list[Taken]) -> web.Response:
    problems = [(i, item) for i, item in enumerate(items) if isinstance(item, Problem)]
    if problems:
        first = problems[0][1]
        raise Problem(
            first.code,
            f"Nothing was recorded: {len(problems)} of {len(items)} events are not valid."
            f" The first: {first.detail}",
            errors=tuple(finding for _, p in problems[:100] for finding in p.errors),
        )
    facts = tuple(item for item in items if isinstance(item, Incoming))
    receipts = await recorded_together(state, authority, facts)
    return _answer([Item.of(receipt) for receipt in receipts])


def _answer(answers: Sequence[Item | dict[str, Any]]) -> web.Response:
    """201 if anything was recorded, 200 if all were duplicates, 207 if some were refused."""
    items = [answer for answer in answers if isinstance(answer, Item)]
    if len(items) < len(answers):
        status = 207
    else:
        status = 200 if all(item.duplicate for item in items) else 201
    last = max((item.position for item in items), default=0)
    headers = {**_JSON, "Ledger-Position": str(last)} if last else _JSON
    body = msgspec.json.encode({"items": answers})
    return web.Response(status=status, body=body, headers=headers)


class Receipts(Struct, frozen=True):
    """One item an event, in their order: a receipt with its status, or a problem."""

    items: list[
        Annotated[
            Any,
            Meta(
                extra_json_schema={
                    "anyOf": [
                        {"$ref": "#/components/schemas/Item"},
                        {"$ref": "#/components/schemas/ProblemDetails"},
                    ]
                }
            ),
        ]
    ]


_TAKEN = {
    200: Answer("Recorded before: the first receipts.", Receipt | Receipts),
    201: Answer("Recorded.", Receipt | Receipts),
    207: Answer("Some events of a batch were refused (`atomic=false`).", Receipts),
}

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/facts",
        post,
        "Record facts, as CloudEvents: one, a batch, or one in binary mode",
        ANY,
        _TAKEN,
        "facts",
        query=Posting,
        request_bodies={
            cloudevents.STRUCTURED: Event,
            cloudevents.BATCHED: Annotated[list[Event], Meta(min_length=1, max_length=10_000)],
        },
        request_headers=(("If-Match", "The stream's version this write expects.", str),),
        problems=(400, 401, 403, 408, 409, 412, 413, 415, 422, 429, 503),
    ),
)
