"""The trail: all facts, filtered; one fact with its bytes, its cause and effect, its correction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec
import orjson
from msgspec import Struct

from api.answers import Cursor, question_of, read_cursor
from api.contract import path_value
from api.pages.lists import by_cluster
from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.problems import Problem
from api.routes.trail import behind, covering, detail, limited_to, page_of, stretch, topics_of
from api.routes.trail_shapes import FactDetail, FactItem, Position
from api.signing import signed_size_of
from api.web.language import number
from ledger.domain.facts import FACTS
from projections.figures.catalogue import Text
from projections.views.names import cluster_names
from projections.views.trail import Filters

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
    filters = await _filters(ask)
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
        rows=[msgspec.convert(item, Line, from_attributes=True) for item in items],
        content={
            "topics": sorted(FACTS),
            "by_cluster": by_cluster(Text("Cluster", "Cluster"), clusters),
        },
    )


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
        raise Problem("invalid_parameter", f"{text[:60]!r} is no id of anything.") from error


class FactPage(Struct, frozen=True):
    """One fact as it stands in the ledger, and its neighbours in the order of positions.

    `signed_size` is how many facts the last checkpoint covers; null: none was signed.
    """

    detail: FactDetail
    previous: int | None
    next: int | None
    signed_size: int | None

    @property
    def is_signed(self) -> bool:
        """Whether the last checkpoint covers the fact."""
        return self.signed_size is not None and self.detail.fact.position <= self.signed_size


async def single(ask: Ask[PageQuery]) -> Sheet:
    """One fact: what it says, who recorded it, its bytes, what became of it."""
    found = await fact_at(ask)
    position = found.fact.position
    facing = FactPage(
        found,
        position - 1 if position > 1 else None,
        position + 1 if position < ask.state.progress.position else None,
        await signed_size_of(ask.state),
    )
    return Sheet(
        title=Text(f"Fakt {number(position, 'de')}", f"Fact {number(position, 'en')}"),
        template="fact.html",
        data=facing,
        content={"said": said(found.fact), "may_correct": may_correct(ask, found)},
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
    page("/trail", shown, "The trail", scope="trail:read", asked=TrailQuery),
    page("/trail/{position:[^/.]+}", single, "One fact", scope="trail:read"),
)
