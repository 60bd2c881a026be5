"""The trail: all facts, filtered; one fact with its bytes, its cause and effect, its correction."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import orjson
from aiohttp import web
from msgspec import Struct
from psycopg import Connection

from api.answers import NDJSON, Cursor, question_of, read_cursor
from api.contract import Answer, Route, path_value
from api.pages.lists import PIECE_ITEMS, by_cluster
from api.pages.naming import Said
from api.pages.naming import said as called
from api.pages.sheet import LANGUAGE, Ask, PageQuery, Sheet, ask_of, page
from api.problems import Finding, Problem
from api.routes.trail import (
    TRAIL_READ,
    behind,
    covering,
    detail,
    export,
    items_of,
    limited_to,
    page_of,
    stretch,
    topics_of,
)
from api.routes.trail_shapes import FactDetail, FactItem, Position
from api.signing import signed_size_of
from api.web.language import number
from ledger.domain.facts import FACTS
from projections.figures.catalogue import Text
from projections.views.base import Cut
from projections.views.names import cluster_names
from projections.views.trail import VOIDING, Filters, Found, facts

_ITEMS: Final = 50


class TrailQuery(PageQuery, frozen=True, rename={"from_": "from"}):
    """Which facts. `from` and `to` are days on which they were recorded."""

    type: str | None = None
    actor: str | None = None
    cluster: str | None = None
    entity: str | None = None
    from_: str | None = None
    to: str | None = None
    cursor: str | None = None


class TrailPage(Struct, frozen=True):
    """Facts, newest first, and the cursor of the next page."""

    items: list[FactItem]
    next: str | None


class Line(Struct, frozen=True):
    """A fact in a line of a table."""

    position: int
    recorded_at: str
    type: str
    actor: str
    source: str
    id: str
    clusters: tuple[str, ...]
    voided_by: int | None
    late: tuple[int, ...]


async def shown(ask: Ask[TrailQuery]) -> Sheet:
    """The facts that match, newest first, none beyond the position the page is cut at."""
    asked = ask.asked
    question = question_of(ask.request, "cursor", "as_of", "known_at")
    filters = whole = await _filters(ask)
    if asked.cursor:
        place = read_cursor(asked.cursor, Position, question).after
        filters = behind(filters, place, newest_first=True)
    items = await page_of(ask.state, filters, ask.cut.known_at, newest_first=True, limit=_ITEMS + 1)
    more = len(items) > _ITEMS
    following = Cursor(question, "", items[_ITEMS - 1].position).text() if more else None
    items = items[:_ITEMS]
    clusters = await ask.state.read(cluster_names, ask.cut)
    return Sheet(
        title=Text("Fakten", "Trail"),
        template="trail.html",
        data=TrailPage(items, following),
        rows=_lines(items),
        every=partial(_every, ask, whole),
        content={
            "topics": sorted(FACTS),
            "by_cluster": by_cluster(Text("Cluster", "Cluster"), clusters),
            "names": clusters,
            "live": _live(ask),
        },
    )


def _lines(items: Sequence[FactItem]) -> list[Line]:
    return [msgspec.convert(item, Line, from_attributes=True) for item in items]


async def _every(ask: Ask[TrailQuery], filters: Filters) -> AsyncIterator[list[Line]]:
    """All facts that match, newest first, a piece at a time."""
    while True:
        items = await page_of(
            ask.state, filters, ask.cut.known_at, newest_first=True, limit=PIECE_ITEMS
        )
        yield _lines(items)
        if len(items) < PIECE_ITEMS:
            return
        filters = behind(filters, items[-1].position, newest_first=True)


def _live(ask: Ask[TrailQuery]) -> str | None:
    """Where facts that match are told as they come; None for a page that no new fact can reach."""
    asked = ask.asked
    if asked.known_at or asked.to:
        return None
    given = {"type": asked.type, "actor": asked.actor, "cluster": asked.cluster}
    given |= {"entity": asked.entity and asked.entity.strip(), "after": str(ask.cut.known_at)}
    return "/v1/facts/live?" + urlencode({name: value for name, value in given.items() if value})


async def stored(request: web.Request) -> web.StreamResponse:
    """The page's facts as they are stored: the leaves, a line each, the oldest first."""
    ask = await ask_of(request, TrailQuery)
    return await export(request, await _filters(ask), ask.cut.known_at, newest_first=False)


async def _filters(ask: Ask[TrailQuery]) -> Filters:
    asked = ask.asked
    covering(ask.authority, asked.cluster or None)
    after, before = await stretch(ask.state, asked.from_ or None, asked.to or None)
    return Filters(
        topics=topics_of(asked.type) if asked.type else None,
        entity=_id(asked.entity) if asked.entity else None,
        actor=asked.actor or None,
        cluster=asked.cluster or None,
        after=after,
        before=before,
        clusters=limited_to(ask.authority),
    )


def _id(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError as error:
        detail = f"{text[:60]!r} is no id of anything."
        wrong = Finding("entity", detail, text[:60])
        raise Problem("invalid_parameter", detail, errors=(wrong,)) from error


class FactPage(Struct, frozen=True):
    """One fact as it stands in the ledger, and its neighbours in the order of positions, as far as
    the page's cut and the key's clusters reach.

    `voids` are the facts that it voids. `signed_size` is how many facts the last checkpoint
    covers; null: none was signed.
    """

    detail: FactDetail
    voids: list[FactItem]
    previous: int | None
    next: int | None
    signed_size: int | None

    @property
    def is_signed(self) -> bool:
        """Whether the last checkpoint covers the fact."""
        return self.signed_size is not None and self.detail.fact.position <= self.signed_size


class FactLine(Line, frozen=True):
    """A fact, and what it is to the page's own: fact, voids, voided_by, cause, effect."""

    relation: str


async def single(ask: Ask[PageQuery]) -> Sheet:
    """One fact: what it says, who recorded it, its bytes, what became of it."""
    found = await fact_at(ask)
    fact = found.fact
    around = await ask.state.read(
        _around, ask.state.ledger.book.space, fact, ask.cut, limited_to(ask.authority)
    )
    facing = FactPage(
        found, around.voids, around.previous, around.next, await signed_size_of(ask.state)
    )
    position = fact.position
    related = {
        "fact": (fact,),
        "voids": around.voids,
        "voided_by": (found.voided_by,) if found.voided_by else (),
        "cause": found.causes,
        "effect": found.effects,
    }
    return Sheet(
        title=Text(f"Fakt {number(position, 'de')}", f"Fact {number(position, 'en')}"),
        template="fact.html",
        data=facing,
        rows=[
            FactLine(**msgspec.structs.asdict(line), relation=relation)
            for relation, facts in related.items()
            for line in _lines(facts)
        ],
        content={"said": around.said, "may_correct": may_correct(ask, found)},
    )


class _Around(Struct, frozen=True):
    voids: list[FactItem]
    previous: int | None
    next: int | None
    said: list[Said]


def _around(
    conn: Connection[Any], space: UUID, fact: FactItem, cut: Cut, clusters: tuple[str, ...] | None
) -> _Around:
    """What the fact voids, its neighbours that are to be seen, and the names of what it names."""
    upto, at = cut.known_at, fact.position

    def found(filters: Filters, limit: int, *, newest_first: bool) -> list[Found]:
        return facts(conn, space, filters, upto=upto, newest_first=newest_first, limit=limit)

    before = found(Filters(before=at, clusters=clusters), 1, newest_first=True)
    behind = found(Filters(after=at, clusters=clusters), 1, newest_first=False)
    voids: list[FactItem] = []
    if fact.type in VOIDING:
        earlier = Filters(stream=fact.stream, before=at, clusters=clusters)
        items = items_of(conn, found(earlier, PIECE_ITEMS, newest_first=True), upto)
        voids = [item for item in items if item.voided_by == at]
    return _Around(
        voids,
        before[0].position if before else None,
        behind[0].position if behind else None,
        called(conn, cut, fact.type, said(fact)),
    )


async def fact_at(ask: Ask[Any]) -> FactDetail:
    """The fact that the path names. Raises Problem `not_found`."""
    position = path_value(ask.request, "position", Position)
    limits = limited_to(ask.authority)
    space, upto = ask.state.ledger.book.space, ask.cut.known_at
    found = await ask.state.read(detail, space, position, upto, limits)
    if found is None:
        raise Problem(
            "not_found", f"There is no fact {position} up to position {upto} that this key sees."
        )
    return found


def said(fact: FactItem) -> Mapping[str, Any]:
    """The fact's own fields, in the order they are stored."""
    data: dict[str, Any] = orjson.loads(bytes(fact.data))
    return data


def may_correct(ask: Ask[Any], found: FactDetail) -> bool:
    """Whether the form for a correction is worth showing: the rules decide in the end."""
    writes = ask.authority.is_admin or bool(ask.authority.clusters)
    voids = found.fact.type.startswith(("fact.voided", "person.erased", "period.closed"))
    return writes and found.voided_by is None and not voids


ROUTES: Final = (
    page("/trail", shown, "The trail", scope=TRAIL_READ, asked=TrailQuery),
    Route(
        "GET",
        LANGUAGE + "/trail.ndjson",
        stored,
        "The trail as it is stored",
        TRAIL_READ,
        {200: Answer("The leaves.", None, (NDJSON,))},
        "pages",
        in_document=False,
    ),
    page("/trail/{position:[^/.]+}", single, "One fact", scope=TRAIL_READ),
)
