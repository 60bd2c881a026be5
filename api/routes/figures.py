"""Figures: every number with its definition, period, position and digest."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from datetime import date
from typing import Annotated, Any, Final, Literal, TypeVar
from uuid import UUID

from aiohttp import web
from msgspec import Meta, Struct
from msgspec.structs import replace
from psycopg import Connection

from api.answers import (
    CSV,
    JSON,
    LEDGER_POSITION,
    PRIVATE,
    accepted,
    shown,
    streamed_csv,
    unchanged,
)
from api.contract import PUBLIC, Answer, Handler, Route, query
from api.dispatch import NOBODY
from api.kept_figures import FIGURES, Question
from api.problems import Finding, Problem
from api.requests import authority_of, day_of, known_at, today
from api.routes.trail import covering, limited_to
from api.routes.trail_shapes import Day, KnownAt, Position
from api.state import STATE
from projections.figures.almost import AlmostPage, almost_counted
from projections.figures.behind import FactsPage, facts_behind
from projections.figures.catalogue import CATALOGUE, Definition, Measure, Text, definition_of
from projections.figures.compute import Figure, Period
from projections.figures.engines import PostgresEngine
from projections.figures.refusals import FigureRefusal
from projections.views import trail

READ: Final = "figures:read"
CSV_STREAMS: Final = 1_000
"""Streams of facts that are read at a time for a CSV."""
FINE: Final = frozenset({"quarter", "nuts3", "activity_nuts3"})
"""Tables whose rows add up to rows of another one: from that one what is withheld would follow."""


class Asked(Struct, frozen=True, rename={"from_": "from"}):
    """`from` left out counts from the programme's start; `to` left out is today. `as_of` is another
    name for `to`, the day on which a stock is counted. `of` says what a share is of."""

    from_: Day | None = None
    to: Day | None = None
    as_of: Day | None = None
    known_at: KnownAt | None = None
    cluster: str | None = None
    by: str | None = None
    view: str = "participating"
    of: str | None = None
    min_position: Position | None = None


class AskedFacts(Asked, frozen=True, rename={"from_": "from"}):
    """The facts behind a figure, or what almost counted, page by page; of one cell with `by` and
    `key`, a row of that table."""

    key: str | None = None
    cursor: str | None = None
    limit: Annotated[int, Meta(ge=1, le=1_000)] = 100
    """Streams a page: memberships, activities. Each brings all of its facts that are meant."""


class Described(Struct, frozen=True):
    """A definition as it is listed."""

    id: str
    definition: str
    sha256: str
    title: Text
    unit: Text
    meaning: Text
    counting_rule: Text
    parameters: tuple[str, ...]
    dimensions: tuple[str, ...]
    measure: Measure
    when: Literal["period", "day"]
    of: tuple[str, ...]
    beside: tuple[str, ...]
    since: date
    replaces: str | None
    figure: str


class Catalogue(Struct, frozen=True):
    """All definitions in force."""

    items: tuple[Described, ...]


def _definition(request: web.Request) -> Definition:
    try:
        return definition_of(request.match_info["id"])
    except FigureRefusal as refusal:
        raise of_refusal(refusal) from refusal


def of_refusal(refusal: FigureRefusal) -> Problem:
    """A figure's refusal as a problem that names what is allowed."""
    name = next(iter(refusal.case), "")
    finding = Finding(name, str(refusal), _plain(refusal.case.get(name)), fix=refusal.fix)
    return Problem(refusal.code, str(refusal), errors=(finding,), case=refusal.case)


def _plain(value: object) -> object:
    return value if isinstance(value, str | int) else str(value)


def _question(request: web.Request, asked: Asked) -> Question:
    to = day_of(asked.to or asked.as_of, "to" if asked.to else "as_of")
    start = None if asked.from_ is None else day_of(asked.from_, "from")
    if asked.to and asked.as_of:
        detail = "to and as_of are two names of one day: leave one out."
        raise Problem("invalid_parameter", detail, errors=(Finding("to", detail, asked.to),))
    definition = _definition(request)
    return Question(definition, start, to, asked.by, asked.view, asked.cluster, asked.of, None)


async def _public_question(request: web.Request, asked: Asked) -> Question:
    """At the head, the whole programme up to the last complete year, by one dimension or none; or
    one of its years, which is a row of the table by year and withheld like it. Anything else would
    give cells away by differences: some years together, or the programme up to an earlier one."""
    if asked.known_at or asked.cluster or asked.as_of or asked.view != "participating":
        raise _needs_key("known_at, as_of, cluster and view need a key")
    if asked.by in FINE:
        raise _needs_key(f"tables by {asked.by} need a key")
    whole = await request.app[FIGURES].years(request.app[STATE])
    last = whole.to_day if whole else date(today().year - 1, 12, 31)
    years = whole or Period(from_day=None, to_day=last)
    start = None if asked.from_ is None else day_of(asked.from_, "from")
    to = day_of(asked.to, "to", last)
    entire = start in (None, years.from_day) and to == last
    if not entire and not _is_year_of(years, start, to):
        raise _needs_key(f"the public sees the programme to {last}, and each whole year of it")
    if asked.by is not None and not entire:
        raise _needs_key("tables of a part of the programme need a key")
    if entire:
        start = years.from_day if asked.by is not None else None
    return Question(_definition(request), start, to, asked.by, asked.view, None, asked.of, years)


def _is_year_of(years: Period, first: date | None, last: date) -> bool:
    """Whether these days are one calendar year among those that the public sees."""
    return (
        years.from_day is not None
        and first == date(last.year, 1, 1)
        and last == date(last.year, 12, 31)
        and years.from_day <= first
        and last <= years.to_day
    )


def _needs_key(why: str) -> Problem:
    return Problem("public_profile", f"Without a key with {READ}: {why}.")


async def one(request: web.Request) -> web.StreamResponse:
    """A figure in a period, as known at a position."""
    asked = query(request, Asked)
    state, figures = request.app[STATE], request.app[FIGURES]
    authority = authority_of(request)
    public = authority is NOBODY or not authority.has(READ)
    question = await _public_question(request, asked) if public else _question(request, asked)
    try:
        if asked.known_at is None:
            await known_at(request, None, asked.min_position)
            page = await figures.at_head(state, question)
        else:
            position = await known_at(request, asked.known_at, asked.min_position)
            page = await figures.at(state, question, position)
    except FigureRefusal as refusal:
        raise of_refusal(refusal) from refusal
    held = unchanged(request, page.etag)
    if held is not None:
        return held
    headers = {
        "Content-Type": JSON,
        **PRIVATE,
        "ETag": page.etag,
        LEDGER_POSITION: str(page.position),
    }
    return web.Response(body=page.body, headers=headers)


Seen = Callable[[Connection[Any], Iterable[int]], set[int]]


def seen_by(request: web.Request, cluster: str | None) -> Seen:
    """Which of some positions the key may see, as in the trail. Raises `cluster_not_covered`."""
    authority = authority_of(request)
    covering(authority, cluster)
    limits, space = limited_to(authority), request.app[STATE].ledger.book.space

    def seen(conn: Connection[Any], positions: Iterable[int]) -> set[int]:
        given = set(positions)
        if limits is None:
            return given
        return {one.position for one in trail.at(conn, space, sorted(given), limits)}

    return seen


def facts_as_seen(conn: Connection[Any], page: FactsPage, seen: Seen) -> FactsPage:
    """The facts behind a figure without those the key may not see."""
    visible = seen(conn, (fact.position for fact in page.items))
    return replace(page, items=tuple(f for f in page.items if f.position in visible))


def almost_as_seen(conn: Connection[Any], page: AlmostPage, seen: Seen) -> AlmostPage:
    """What almost counted, in so far as the key may see its facts."""
    visible = seen(conn, (fact.position for item in page.items for fact in item.facts))
    items = (
        replace(item, facts=tuple(f for f in item.facts if f.position in visible))
        for item in page.items
    )
    return replace(page, items=tuple(item for item in items if item.facts))


P = TypeVar("P", FactsPage, AlmostPage)


class AlmostLine(Struct, frozen=True):
    """One fact of a stream that almost counted, as a line of CSV."""

    rule: str
    why_de: str
    why_en: str
    stream_kind: str
    stream: UUID
    position: int
    type: str
    recorded_at: str
    voided_by: int | None


def _drill_down(
    listed: Callable[..., P],
    as_seen: Callable[[Connection[Any], P, Seen], P],
    lines: Callable[[P], Sequence[Struct]],
) -> Handler:
    """The handler of a list of facts: a page of it as JSON, or, from the cursor on, all of it as
    CSV."""

    async def handler(request: web.Request) -> web.StreamResponse:
        asked = query(request, AskedFacts)
        question = _question(request, asked)
        media_type = accepted(request, JSON, CSV)
        seen = seen_by(request, asked.cluster)
        state = request.app[STATE]
        position = await known_at(request, asked.known_at, asked.min_position)

        def read(conn: Connection[Any], after: str | None, limit: int) -> P:
            engine = PostgresEngine(conn)
            whole = question.at(engine, position)
            page = listed(engine, whole, key=asked.key, after=after, limit=limit)
            return as_seen(conn, page, seen)

        async def every() -> AsyncIterator[Sequence[Struct]]:
            after = asked.cursor
            while True:
                page = await state.read(read, after, CSV_STREAMS)
                if page.items:
                    yield lines(page)
                after = page.next
                if after is None:
                    break

        try:
            if media_type == CSV:
                return await streamed_csv(request, every(), {LEDGER_POSITION: str(position)})
            return shown(request, await state.read(read, asked.cursor, asked.limit))
        except FigureRefusal as refusal:
            raise of_refusal(refusal) from refusal

    return handler


def _almost_lines(page: AlmostPage) -> list[AlmostLine]:
    return [
        AlmostLine(
            one.rule,
            one.text.de,
            one.text.en,
            one.stream_kind,
            one.stream,
            fact.position,
            fact.type,
            fact.recorded_at,
            fact.voided_by,
        )
        for one in page.items
        for fact in one.facts
    ]


behind: Final = _drill_down(facts_behind, facts_as_seen, lambda page: page.items)
behind.__doc__ = "The standing facts that make a figure, as far as the key may see them."
almost: Final = _drill_down(almost_counted, almost_as_seen, _almost_lines)
almost.__doc__ = "What almost counted, and the rule that excluded it, as far as the key may see it."


async def catalogue(request: web.Request) -> web.StreamResponse:
    """All definitions in force, with their texts in German and English."""
    return shown(request, Catalogue(tuple(map(_described, CATALOGUE.values()))))


def _described(d: Definition) -> Described:
    return Described(
        d.id,
        d.name,
        d.sha256,
        d.title,
        d.unit,
        d.meaning,
        d.counting_rule,
        d.parameters,
        d.dimensions,
        d.measure,
        d.when,
        d.of,
        d.beside,
        d.since,
        d.replaces,
        f"/v1/figures/{d.id}",
    )


ROUTES = (
    Route(
        "GET",
        "/v1/figures",
        catalogue,
        "All figures with their definitions",
        PUBLIC,
        {200: Answer("The definitions.", Catalogue)},
        "figures",
    ),
    Route(
        "GET",
        "/v1/figures/{id}",
        one,
        "A figure in a period, as known at a position",
        PUBLIC,
        {200: Answer("The figure with its manifest.", Figure), 304: Answer("As you hold it.")},
        "figures",
        query=Asked,
        path_parameters={"id": str},
        problems=(400, 403, 404, 422, 503),
    ),
    Route(
        "GET",
        "/v1/figures/{id}/facts",
        behind,
        "The facts behind a figure",
        READ,
        {200: Answer("Some of them, and the cursor to more; as CSV all.", FactsPage, (JSON, CSV))},
        "figures",
        query=AskedFacts,
        path_parameters={"id": str},
        problems=(400, 401, 403, 404, 406, 422, 503),
    ),
    Route(
        "GET",
        "/v1/figures/{id}/almost",
        almost,
        "What almost counted in a figure, and the rule that excluded it",
        READ,
        {200: Answer("Some of it, and the cursor to more; as CSV all.", AlmostPage, (JSON, CSV))},
        "figures",
        query=AskedFacts,
        path_parameters={"id": str},
        problems=(400, 401, 403, 404, 406, 422, 503),
    ),
)
