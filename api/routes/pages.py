"""The first page in two languages, and the files that pages need."""

import asyncio
import mimetypes
import time
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from msgspec import Struct
from psycopg import Connection

from api.contract import PUBLIC, Answer, Route
from api.problems import Problem
from api.requests import today
from api.sending import FOREVER, REVALIDATE, Page, send
from api.state import STATE, State
from api.web import overview as shown
from api.web.pages import STATIC_DIR, STATIC_URL, asset, render_overview
from api.web.texts import Language
from projections import progress
from projections.figures.engines import PostgresEngine
from projections.figures.overview import HeadlineFigure, HeadlineOverview, overview

SHARE_OF_TIME: Final = 0.1
"""At most this share of the time goes into counting for the first page, however busy it is."""

HTML: Final = "text/html; charset=utf-8"


class _Standing(Struct, frozen=True):
    """How far the book and the read models are; `recorded_at` is of the fact at `position`."""

    position: int
    head: int
    recorded_at: datetime | None


class FirstPage:
    """Counts for the first page and keeps what it counted. Lives in the event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._counted: HeadlineOverview | None = None
        self._year = 0
        self._cost_s = 0.0
        self._due_at = 0.0
        self._pages: dict[Language, tuple[shown.Overview, Page]] = {}

    async def page(self, state: State, language: Language) -> Page:
        """The page with what the read models know; under load it may be a few seconds old."""
        day = today()
        async with self._lock:
            counted = await self._count(state, day)
        standing = await state.read(_standing, counted.known_at)
        overview = _shown(state.ledger.book.origin, counted, standing)
        kept = self._pages.get(language)
        if kept is None or kept[0] != overview:
            html = render_overview(overview, language).encode()
            kept = self._pages[language] = overview, Page.of(html, HTML)
        return kept[1]

    async def _count(self, state: State, day: date) -> HeadlineOverview:
        kept = self._counted
        if kept is not None and self._year == day.year and time.monotonic() < self._due_at:
            return kept
        known_at = await state.read(progress.position)
        if kept is not None and kept.known_at == known_at and self._year == day.year:
            return kept
        began = time.monotonic()
        # Before the first fact there are no read models to ask.
        counted = (
            await state.read(
                lambda conn: overview(PostgresEngine(conn), known_at=known_at, today=day)
            )
            if known_at
            else HeadlineOverview(known_at=0, period=None, headline=())
        )
        ended = time.monotonic()
        self._counted, self._year = counted, day.year
        self._due_at = ended + (ended - began) * (1 / SHARE_OF_TIME - 1)
        return counted


def _standing(conn: Connection[Any], position: int) -> _Standing:
    row = conn.execute(
        "SELECT coalesce((SELECT position FROM ledger.head), 0),"
        " (SELECT recorded_at FROM ledger.facts WHERE notification_id = %s)",
        (position,),
    ).fetchone()
    assert row is not None
    return _Standing(position, max(row[0], position), row[1])


def _shown(origin: str, counted: HeadlineOverview, standing: _Standing) -> shown.Overview:
    period = None
    if counted.period is not None and counted.period.from_day is not None:
        period = shown.Period(from_day=counted.period.from_day, to_day=counted.period.to_day)
    return shown.Overview(
        origin=origin,
        position=standing.position,
        recorded_at=standing.recorded_at,
        facts_behind=standing.head - standing.position,
        period=period,
        headline=tuple(map(_figure, counted.headline)),
    )


def _figure(figure: HeadlineFigure) -> shown.Figure:
    definition = figure.definition
    return shown.Figure(
        id=definition.id,
        definition=definition.name,
        title=shown.Text(de=definition.title.de, en=definition.title.en),
        sentence=shown.Text(de=definition.meaning.de, en=definition.meaning.en),
        unit=shown.Text(de=definition.unit.de, en=definition.unit.en),
        value=figure.value,
        by_year=tuple(shown.YearCell(year=c.year, value=c.value) for c in figure.by_year),
        by_cluster=tuple(
            shown.ClusterCell(code=c.code, name=shown.Text(de=c.name, en=c.name), value=c.value)
            for c in figure.by_cluster
        ),
        joint_adjustment=figure.joint_adjustment,
        years_add_up=figure.years_add_up,
    )


FIRST_PAGE: Final = web.AppKey("first_page", FirstPage)


async def german(request: web.Request) -> web.StreamResponse:
    """Die erste Seite: was das Programm bisher erreicht hat."""
    return send(request, await request.app[FIRST_PAGE].page(request.app[STATE], "de"))


async def english(request: web.Request) -> web.StreamResponse:
    """The first page: what the programme has achieved so far."""
    return send(request, await request.app[FIRST_PAGE].page(request.app[STATE], "en"))


async def to_german(_: web.Request) -> web.StreamResponse:
    """German is the first language: its page is `/`."""
    return web.Response(status=308, headers={"Location": "/"})


@cache
def _files() -> dict[str, Path]:
    """Every file that may be asked for, by its name. What is not in the table is not there."""
    return {
        path.relative_to(STATIC_DIR).as_posix(): path
        for path in STATIC_DIR.rglob("*")
        if path.is_file()
    }


@cache
def _file(name: str) -> Page:
    kind = mimetypes.guess_type(name)[0] or "application/octet-stream"
    if kind.startswith("text/") or kind.endswith(("javascript", "json")):
        kind += "; charset=utf-8"
    return Page.of(_files()[name].read_bytes(), kind)


async def static(request: web.Request) -> web.StreamResponse:
    """A file of the pages; under its digest it may be kept for ever."""
    name = request.match_info["name"]
    if name not in _files():
        raise Problem("not_found", f"There is no file {name[:100]!r}.")
    versioned = asset(name).endswith(f"?{request.query_string}")
    return send(request, _file(name), FOREVER if versioned else REVALIDATE)


async def icon(request: web.Request) -> web.StreamResponse:
    """For browsers that ask for it without looking at the page."""
    return send(request, _file("icon.svg"))


def _page(path: str, handler: Any, summary: str, answer: Answer, status: int = 200) -> Route:
    return Route(
        "GET",
        path,
        handler,
        summary,
        PUBLIC,
        {status: answer},
        "pages",
        problems=(503,),
        in_document=False,
    )


_HTML: Final = Answer("The page.", None, ("text/html",))
_FILE: Final = Answer("The file.", None, ("*/*",))

ROUTES = (
    _page("/", german, "Die erste Seite", _HTML),
    _page("/en", english, "The first page", _HTML),
    _page("/de", to_german, "To the first page", Answer("To `/`.", None, ()), 308),
    _page(STATIC_URL + "/{name:.+}", static, "A file of the pages", _FILE),
    _page("/favicon.ico", icon, "The icon", _FILE),
)
