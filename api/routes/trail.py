"""GET /v1/facts: the facts in their order, filtered, page by page or all at once."""

import base64
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, Final
from uuid import UUID

import msgspec
from aiohttp import web
from msgspec.structs import replace
from psycopg import Connection

from api.answers import (
    JSON,
    LEDGER_POSITION,
    NDJSON,
    OCTETS,
    PRIVATE,
    Cursor,
    accepted,
    next_link,
    question_of,
    read_cursor,
    shown,
    stream,
)
from api.contract import Answer, Route, path_value, query
from api.problems import Finding, Problem
from api.requests import BERLIN, authority_of, day_of, known_at
from api.routes.trail_shapes import (
    FactDetail,
    FactItem,
    FactPage,
    FactReceipt,
    Matching,
    MinPosition,
    Position,
    TrailQuery,
)
from api.state import STATE, State
from ledger.domain.commands import Authority
from ledger.domain.facts import FACTS
from ledger.store import proofs
from ledger.store.codec import decode_leaf, read_leaf
from projections.views import lateness, trail
from projections.views.trail import Filters, Found

TRAIL_READ: Final = "trail:read"
EXPORT_PAGE_FACTS: Final = 5_000


def limited_to(authority: Authority) -> tuple[str, ...] | None:
    """The clusters a key's reading is limited to; None: all of them."""
    if authority.is_admin or not authority.clusters:
        return None
    return tuple(sorted(authority.clusters))


def covering(authority: Authority, cluster: str | None) -> None:
    """Raises Problem `cluster_not_covered` where a key asks for another's cluster."""
    limits = limited_to(authority)
    if cluster is not None and limits is not None and cluster not in limits:
        raise Problem("cluster_not_covered", f"This key does not cover the cluster {cluster}.")


def filters_of(request: web.Request, asked: Matching) -> Filters:
    """The filters that do not depend on a reading of the ledger."""
    authority = authority_of(request)
    covering(authority, asked.cluster)
    return Filters(
        topics=None if asked.type is None else topics_of(asked.type),
        stream=asked.stream,
        entity=asked.entity,
        actor=asked.actor,
        cluster=asked.cluster,
        after=asked.after or 0,
        clusters=limited_to(authority),
    )


def topics_of(text: str) -> tuple[str, ...]:
    """The fact types that a filter names. Raises Problem `invalid_parameter`."""
    found: dict[str, None] = {}
    for part in text.split(","):
        matching = [t for t in FACTS if t == part or (part.endswith(".") and t.startswith(part))]
        if not matching:
            detail = f"There is no fact type {part[:100]!r}."
            fix = "A type (attendance.recorded.v1), or the beginning of several with its dot."
            raise Problem("invalid_parameter", detail, errors=(Finding("type", detail, fix=fix),))
        found |= dict.fromkeys(matching)
    return tuple(found)


async def stretch(
    state: State, recorded_from: str | None, recorded_to: str | None
) -> tuple[int, int | None]:
    """Positions (after, before) that enclose what was recorded in the stretch asked for."""
    after, before = 0, None
    tick = timedelta(microseconds=1)
    if recorded_from is not None:
        begin = _instant(recorded_from, "recorded_from", timedelta(0))
        after = await state.book(state.ledger.book.position_at, begin - tick)
    if recorded_to is not None:
        end = _instant(recorded_to, "recorded_to", timedelta(days=1))
        # A day ends where the next one begins; an instant is included.
        end -= tick if len(recorded_to) == len("2026-11-22") else timedelta(0)
        before = await state.book(state.ledger.book.position_at, end) + 1
    return after, before


def _instant(text: str, name: str, days: timedelta) -> datetime:
    """An instant, or the beginning of a day of Europe/Berlin moved by `days`."""
    try:
        if len(text) == len("2026-11-22"):
            day = day_of(text, name)
            return datetime(day.year, day.month, day.day, tzinfo=BERLIN) + days
        instant = datetime.fromisoformat(text.replace(" ", "+"))
        if instant.tzinfo is None or not 1900 <= instant.year < 9000:
            raise ValueError(text)
    except (ValueError, OverflowError) as error:
        detail = f"{text[:40]!r} is neither a day nor an instant with its zone."
        fix = "2026-11-22, or 2026-11-22T10:00:00Z."
        raise Problem(
            "invalid_parameter", detail, errors=(Finding(name, detail, fix=fix),)
        ) from error
    return instant


async def facts(request: web.Request) -> web.StreamResponse:
    """A page of facts, or all that match as NDJSON: the stored leaves, a line each.

    The last line of NDJSON is `{"position":…,"count":…,"sha256":…}`: how far the trail went, how
    many lines come before, and the SHA-256 over them with their newlines. Without it, the stream
    broke off.
    """
    asked = query(request, TrailQuery)
    state = request.app[STATE]
    media_type = accepted(request, JSON, NDJSON)
    filters = filters_of(request, asked)
    upto = await known_at(request, None, asked.min_position)
    after, before = await stretch(state, asked.recorded_from, asked.recorded_to)
    bounds = [bound for bound in (asked.before, before) if bound is not None]
    filters = replace(
        filters, after=max(filters.after, after), before=min(bounds) if bounds else None
    )
    if media_type == NDJSON:
        if asked.limit is not None or asked.cursor is not None:
            raise Problem("invalid_parameter", "NDJSON gives all facts: no limit, no cursor.")
        return await export(request, filters, upto, newest_first=asked.order == "newest")
    return await _page(request, asked, filters, upto)


async def _page(
    request: web.Request, asked: TrailQuery, filters: Filters, upto: int
) -> web.Response:
    state = request.app[STATE]
    newest_first = asked.order != "oldest"
    limit = asked.limit or 100
    question = question_of(request, "cursor", "limit", "min_position")
    if asked.cursor is not None:
        filters = behind(filters, read_cursor(asked.cursor, Position, question).after, newest_first)
    items = await page_of(state, filters, upto, newest_first=newest_first, limit=limit + 1)
    more = len(items) > limit
    cursor = Cursor(question, "", items[limit - 1].position).text() if more else None
    return shown(request, FactPage(upto, items[:limit], cursor), next_link(request, cursor))


def behind(filters: Filters, position: int, newest_first: bool) -> Filters:
    """The filters from a position on, in the list's direction."""
    if newest_first:
        return replace(filters, before=min(position, filters.before or position))
    return replace(filters, after=max(position, filters.after))


async def page_of(
    state: State, filters: Filters, upto: int, *, newest_first: bool, limit: int
) -> list[FactItem]:
    """Facts that match, none beyond position `upto`, as they are shown."""
    space = state.ledger.book.space

    def read(conn: Connection[Any]) -> list[FactItem]:
        found = trail.facts(conn, space, filters, upto=upto, newest_first=newest_first, limit=limit)
        return items_of(conn, found, upto)

    return await state.read(read)


def items_of(conn: Connection[Any], found: list[Found], upto: int) -> list[FactItem]:
    """Facts as they are shown, with what voided them by position `upto`, and if late."""
    leaves = [read_leaf(one.state) for one in found]
    voids = trail.voids(conn, leaves, upto)
    closed = lateness.closings(conn, upto)
    late = lateness.late(conn, [decode_leaf(one.state) for one in found if closed], closed)
    return [
        FactItem(
            position=leaf.position,
            recorded_at=leaf.recorded_at,
            type=leaf.type,
            stream=leaf.stream,
            version=leaf.version,
            source=leaf.source,
            id=leaf.id,
            actor=leaf.actor,
            data=leaf.data,
            leaf_hash=one.leaf_hash.hex(),
            clusters=one.clusters,
            causation=leaf.causation,
            correlation=leaf.correlation,
            voided_by=voids[leaf.position].position if leaf.position in voids else None,
            late=late.get(leaf.position, ()),
        )
        for one, leaf in zip(found, leaves, strict=True)
    ]


async def export(
    request: web.Request, filters: Filters, upto: int, *, newest_first: bool
) -> web.StreamResponse:
    """All facts that match as NDJSON, a line each, and a last line that counts them."""
    state = request.app[STATE]
    response = stream(NDJSON, {LEDGER_POSITION: str(upto)})
    await response.prepare(request)
    digest, count = sha256(), 0
    while True:
        found = await state.read(
            trail.facts,
            state.ledger.book.space,
            filters,
            upto=upto,
            newest_first=newest_first,
            limit=EXPORT_PAGE_FACTS,
        )
        if found:
            lines = b"\n".join([one.state for one in found]) + b"\n"
            digest.update(lines)
            count += len(found)
            await response.write(lines)
        if len(found) < EXPORT_PAGE_FACTS:
            break
        filters = behind(filters, found[-1].position, newest_first)
    last = {"position": upto, "count": count, "sha256": digest.hexdigest()}
    await response.write(msgspec.json.encode(last) + b"\n")
    await response.write_eof()
    return response


async def fact(request: web.Request) -> web.StreamResponse:
    """One fact with its receipt, its void, its causes and effects.

    `Accept: application/octet-stream` gives the stored leaf alone, byte by byte.
    """
    position = path_value(request, "position", Position)
    media_type = accepted(request, JSON, OCTETS)
    state = request.app[STATE]
    upto = await known_at(request, None, query(request, MinPosition).min_position)
    limits = limited_to(authority_of(request))
    found = await state.read(detail, state.ledger.book.space, position, upto, limits)
    if found is None:
        raise Problem(
            "not_found",
            f"There is no fact at position {position} that this key sees; the read models are at"
            f" {upto}.",
        )
    if media_type == OCTETS:
        headers = {"Content-Type": OCTETS, **PRIVATE, LEDGER_POSITION: str(upto)}
        return web.Response(body=base64.b64decode(found.leaf), headers=headers)
    return shown(request, found)


def detail(
    conn: Connection[Any], space: UUID, position: int, upto: int, clusters: tuple[str, ...] | None
) -> FactDetail | None:
    """One fact with all around it; None where there is none, or none these clusters concern."""
    stood = trail.at(conn, space, [position], clusters) if 0 < position <= upto else []
    if not stood:
        return None
    leaf = read_leaf(stood[0].state)
    (item,) = items_of(conn, stood, upto)
    tree = proofs.head_with(conn, position)
    if tree is None:
        return None  # only beside a migration: the tree is about to catch up
    void = [] if item.voided_by is None else trail.at(conn, space, [item.voided_by], clusters)
    causes = trail.causes(conn, space, leaf, clusters)
    effects = trail.effects(conn, space, leaf, upto=upto, clusters=clusters)
    return FactDetail(
        fact=item,
        receipt=FactReceipt(
            leaf.id,
            leaf.source,
            leaf.position,
            leaf.recorded_at,
            item.leaf_hash,
            leaf.stream,
            leaf.version,
            tree.size,
            tree.root.hex(),
        ),
        leaf=base64.b64encode(stood[0].state).decode(),
        proof=f"/v1/proofs/inclusion?position={position}",
        voided_by=next(iter(items_of(conn, void, upto)), None),
        causes=tuple(items_of(conn, causes, upto)),
        effects=tuple(items_of(conn, effects, upto)),
    )


ROUTES: Final = (
    Route(
        "GET",
        "/v1/facts",
        facts,
        "The trail: facts in their order, filtered; everything that matches as NDJSON",
        TRAIL_READ,
        {200: Answer("Facts.", FactPage, (JSON, NDJSON))},
        "facts",
        query=TrailQuery,
        problems=(400, 401, 403, 406, 429, 503),
    ),
    Route(
        "GET",
        "/v1/facts/{position}",
        fact,
        "One fact with its receipt, its void, its causes and effects; its stored bytes",
        TRAIL_READ,
        {200: Answer("The fact.", FactDetail, (JSON, OCTETS))},
        "facts",
        query=MinPosition,
        path_parameters={"position": Position},
        problems=(400, 401, 403, 404, 406, 429, 503),
    ),
)
