"""How a page comes about: one handler makes a sheet of data, which is shown as HTML, JSON or CSV.

`/de/organisations` is the page, `/de/organisations.json` and `.csv` are its data; the header Accept
chooses too. Every page is cut at `as_of` and `known_at`, and links carry both on.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar, cast

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct
from psycopg import Connection

from api.answers import CSV, JSON, LEDGER_POSITION, accepted, csv_of, streamed_csv
from api.contract import Answer, Route, query
from api.dispatch import SESSION, viewer_of
from api.problems import Problem
from api.requests import authority_of, day_of, known_at
from api.sending import QUICK, Page, send
from api.sessions import COOKIE
from api.state import STATE, State
from api.web.frame import Frame, Standing, Viewer, render
from api.web.language import Language
from ledger.domain.commands import Authority
from projections.figures.catalogue import Text
from projections.reports.model import Report
from projections.reports.outputs import render as drawn_up
from projections.views.base import Cut

HTML: Final = "text/html"
_FORMS: Final = {".json": JSON, ".csv": CSV}
LANGUAGE: Final = "/{language:de|en}"
FORM: Final = r"{form:(?:\.json|\.csv)?}"
_VARY: Final = "Accept, Authorization, Cookie"
_FORM_BYTES_MAX: Final = 200_000
_MARKS: Final = 20
"""How many marks the slider of positions has at most."""
_STANDING: Final = """
WITH head AS (SELECT coalesce(max(position), 0) AS position FROM ledger.head),
wanted (position) AS (
    SELECT %(known_at)s::bigint UNION SELECT 1 + (head.position - 1) * n / %(marks)s
    FROM head, generate_series(0, %(marks)s) AS n
)
SELECT wanted.position, facts.recorded_at, head.position
FROM head, wanted LEFT JOIN ledger.facts ON notification_id = wanted.position"""
_COME_BACK_S: Final = 1
_UNKEPT: Final = {hdrs.CACHE_CONTROL: "no-store"}


class PageQuery(Struct, frozen=True):
    """What every page may be asked: the two times. A page's own parameters come on top."""

    as_of: str | None = None
    known_at: str | None = None


Q = TypeVar("Q", bound=PageQuery)


class Ask(Struct, Generic[Q], frozen=True):
    """A page's question: who asks, what, in which language and form, at which cut."""

    request: web.Request
    language: Language
    media: str
    asked: Q
    cut: Cut
    authority: Authority
    viewer: Viewer

    @property
    def state(self) -> State:
        """What the serving process holds."""
        return self.request.app[STATE]


class Sheet(Struct, frozen=True, kw_only=True):
    """A page's content. `data` is the JSON and stands in the template as `data`.

    `rows` are what the CSV lists, one struct a line; None: the page is no list. Where the page
    shows a part of a list, `every` gives all of it to the CSV, a piece at a time. The CSV of a page
    that shows a `report` is the report's own. `content` is for
    the template alone: charts, links, choices of a form. `known_at` is the position of a page that
    chooses it itself.
    """

    title: Text
    template: str
    data: Any
    rows: Sequence[Struct] | None = None
    report: Report | None = None
    every: Callable[[], AsyncIterator[Sequence[Struct]]] | None = None
    content: Mapping[str, Any] = {}
    status: int = 200
    known_at: int | None = None
    retry_after_s: int | None = None


class Underway(Exception):
    """The page is being counted: `done` of at most `of` steps, for so many seconds; `of` None: it
    waits for its turn. `at` is the position to come back to, None: that of the address."""

    def __init__(self, what: Text, done: int, of: int | None, seconds: int, at: int | None) -> None:
        super().__init__(what.en)
        self.what = what
        self.how_far = HowFar(done, of, seconds)
        self.at = at


class HowFar(Struct, frozen=True):
    """How far a page is that is being counted."""

    done: int
    of: int | None
    seconds: int


class Sent(Struct, frozen=True):
    """What a form leads to: another page of this language, and a session that begins or ends.

    `path` is without the language. `session` None leaves the session as it is, "" ends it.
    """

    path: str
    session: str | None = None


Shows = Callable[[Ask[Any]], Awaitable[Sheet]]
Takes = Callable[[Ask[Any], Mapping[str, str]], Awaitable[Sheet | Sent]]


def page(
    path: str, shows: Shows, summary: str, *, scope: str, asked: type[PageQuery] = PageQuery
) -> Route:
    """A page's line in the table of routes. `path` is without language, and begins with `/`."""

    async def handle(request: web.Request) -> web.StreamResponse:
        ask = await ask_of(request, asked)
        return await _answer(ask, await _shown(ask, shows))

    handle.__doc__ = summary
    return _route("GET", LANGUAGE + path + FORM, handle, summary, scope)


def opening(path: str, shows: Shows, summary: str, *, scope: str) -> Route:
    """A page at a path without a language: German comes first."""

    async def handle(request: web.Request) -> web.StreamResponse:
        ask = await ask_of(request, PageQuery)
        return await _answer(ask, await _shown(ask, shows))

    handle.__doc__ = summary
    return _route("GET", path, handle, summary, scope)


async def _shown(ask: Ask[Any], shows: Shows) -> Sheet:
    """The page, or one that says that it is being counted."""
    try:
        return await shows(ask)
    except Underway as underway:
        return Sheet(
            title=underway.what,
            template="underway.html",
            data=underway.how_far,
            content={"at": underway.at},
            status=202,
            retry_after_s=_COME_BACK_S,
        )


def form(path: str, takes: Takes, summary: str, *, scope: str) -> Route:
    """A form's line: its fields, taken from this site's own pages only."""

    async def handle(request: web.Request) -> web.StreamResponse:
        ask = await ask_of(request, PageQuery)
        done = await takes(ask, await _fields(request))
        if isinstance(done, Sent):
            return _sent(ask, done)
        return await _answer(ask, done)

    handle.__doc__ = summary
    return _route("POST", LANGUAGE + path, handle, summary, scope)


def _sent(ask: Ask[Any], sent: Sent) -> web.Response:
    response = gone_to(f"/{ask.language}{sent.path}")
    if sent.session == "":
        response.del_cookie(COOKIE)
    elif sent.session is not None:
        set_cookie(ask.request, response, COOKIE, sent.session, ask.state.sessions.lasts_s)
    return response


def gone_to(address: str) -> web.Response:
    """Another page is next."""
    return web.Response(status=303, headers={hdrs.LOCATION: address, **_UNKEPT})


def set_cookie(
    request: web.Request, response: web.Response, name: str, value: str, lasts_s: int
) -> None:
    """A cookie out of scripts' reach, sent by our own pages and by links to them."""
    settings = request.app[STATE].settings
    scheme = request.headers.get("X-Forwarded-Proto", request.scheme)
    response.set_cookie(
        name,
        value,
        max_age=lasts_s,
        httponly=True,
        samesite="Lax",
        secure="https" in {scheme, (settings.public_url or "").partition(":")[0]},
    )


def _route(method: Any, path: str, handle: Any, summary: str, scope: str) -> Route:
    answers = {200: Answer(summary, None, (HTML, JSON, CSV))}
    return Route(method, path, handle, summary, scope, answers, "pages", in_document=False)


async def ask_of(request: web.Request, shape: type[Q]) -> Ask[Q]:
    """What a request asks of a page. A time that was cleared is one left open. Raises Problem."""
    asked = query(request, shape)
    cut = Cut(
        day_of(asked.as_of or None, "as_of"), await known_at(request, asked.known_at or None, None)
    )
    language = cast(Language, request.match_info.get("language", "de"))
    media = _media(request)
    return Ask(request, language, media, asked, cut, authority_of(request), viewer_of(request))


def _media(request: web.Request) -> str:
    if "form" not in request.match_info:  # what a form leads to, or a path of one page alone
        return HTML
    suffix = request.match_info.get("form", "")
    return _FORMS[suffix] if suffix else accepted(request, HTML, JSON, CSV)


async def _answer(ask: Ask[Any], sheet: Sheet) -> web.StreamResponse:
    media = ask.media
    if media == CSV and sheet.every is not None:
        headers = {LEDGER_POSITION: str(ask.cut.known_at), hdrs.VARY: _VARY}
        return await streamed_csv(ask.request, sheet.every(), headers)
    if media == JSON:
        body = msgspec.json.encode(sheet.data)
    elif media == CSV and sheet.report is not None:
        body = await asyncio.to_thread(drawn_up, sheet.report, "csv", ask.language)
    elif media == CSV:
        if sheet.rows is None:
            raise Problem("not_acceptable", f"This page is no list. Offered here: {HTML}, {JSON}.")
        body = csv_of(sheet.rows)
    else:
        body = render(
            sheet.template, await _frame(ask, sheet), {**sheet.content, "data": sheet.data}
        ).encode()
    shown = Page(body, media if media == JSON else f"{media}; charset=utf-8", QUICK)
    response = send(ask.request, shown, "private, no-cache", vary=_VARY)
    if response.status == 200:
        response.set_status(sheet.status)
    if sheet.retry_after_s is not None:
        response.headers[hdrs.RETRY_AFTER] = str(sheet.retry_after_s)
    response.headers[LEDGER_POSITION] = str(
        ask.cut.known_at if sheet.known_at is None else sheet.known_at
    )
    return response


async def _frame(ask: Ask[Any], sheet: Sheet) -> Frame:
    known_at = ask.cut.known_at if sheet.known_at is None else sheet.known_at
    standing = await ask.state.read(_standing, Cut(ask.cut.as_of, known_at))
    return Frame(
        language=ask.language,
        path=_path(ask.request),
        query={name: value for name, value in ask.request.query.items() if value},
        title=sheet.title,
        viewer=ask.viewer,
        standing=msgspec.structs.replace(
            standing,
            chosen_day=ask.asked.as_of or None,
            chosen_position=ask.asked.known_at or None,
        ),
        csv=sheet.rows is not None or sheet.report is not None,
    )


def _path(request: web.Request) -> str:
    """The path without language and suffix; '' is the first page."""
    suffix = request.match_info.get("form", "")
    path = request.path[len("/de") :].removesuffix(suffix)
    return "" if path in {"", "/", "/overview"} else path


def _standing(conn: Connection[Any], cut: Cut) -> Standing:
    rows = conn.execute(_STANDING, {"known_at": cut.known_at, "marks": _MARKS}).fetchall()
    recorded = {position: at for position, at, _ in rows if at is not None}
    head = max((head for _, _, head in rows), default=0)
    # The page's own position is a mark too: there the slider begins.
    return Standing(
        cut.as_of,
        cut.known_at,
        recorded.get(cut.known_at),
        max(head, cut.known_at),
        tuple(sorted(recorded.items())),
    )


async def _fields(request: web.Request) -> dict[str, str]:
    """A form's fields. Raises Problem `cross_origin` for one that another site sent."""
    origin = request.headers.get(hdrs.ORIGIN)
    elsewhere = origin is not None and origin.partition("://")[2] != request.host
    if elsewhere or request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise Problem("cross_origin", "This form was sent from another site.")
    if (request.content_length or 0) > _FORM_BYTES_MAX:
        raise Problem("body_too_large", f"A form has at most {_FORM_BYTES_MAX} bytes.")
    given = await request.post()
    fields = {name: value for name, value in given.items() if isinstance(value, str)}
    session = request.get(SESSION)
    if session is not None and not request.app[STATE].sessions.is_ours(
        session, fields.pop("csrf", "")
    ):
        raise Problem("cross_origin", "This form is not of your session. Load the page anew.")
    return fields
