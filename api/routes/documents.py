"""The API describes itself: OpenAPI, Swagger UI from local files, the list of problems."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final, cast

import orjson
from aiohttp import web

from api import openapi
from api.contract import PUBLIC, Answer, Route
from api.dispatch import viewer_of
from api.problems import all_codes, sentence_of
from api.sending import QUICK, Page, send
from api.web.documents import DOCS, PROBLEMS, ProblemCode, Reader, render_docs, render_problems
from api.web.language import Language

DOCUMENT: Final = web.AppKey("document", Page)
"""The OpenAPI document of an application's table."""


def document_of(routes: Iterable[Route]) -> Page:
    """The document as it is sent."""
    return Page(openapi.rendered(routes), "application/json")


def _reader(request: web.Request) -> Reader:
    """Machines and their makers read English, where the address names no language."""
    language = cast(Language, request.match_info.get("language", "en"))
    times = {name: request.query[name] for name in ("as_of", "known_at") if name in request.query}
    return Reader(language, viewer_of(request), times)


def _shown(request: web.Request, page: str) -> web.StreamResponse:
    sent = Page(page.encode(), "text/html; charset=utf-8", QUICK)
    return send(request, sent, "private, no-cache", vary="Accept, Authorization, Cookie")


@lru_cache(maxsize=1)
def _codes() -> tuple[ProblemCode, ...]:
    return tuple(
        ProblemCode(code, status, title, sentence_of(code))
        for code, (status, title) in all_codes().items()
    )


@lru_cache(maxsize=1)
def _problems_list() -> Page:
    return Page(orjson.dumps({"problems": _codes()}, default=_plain), "application/json")


def _plain(code: ProblemCode) -> dict[str, object]:
    return {name: getattr(code, name) for name in code.__struct_fields__}


async def document(request: web.Request) -> web.StreamResponse:
    """This document: OpenAPI 3.1, written from the table that requests are checked with."""
    return send(request, request.app[DOCUMENT])


async def docs(request: web.Request) -> web.StreamResponse:
    """The API in a browser: Swagger UI, from this server's own files."""
    return _shown(request, render_docs(_reader(request), openapi.PATH))


async def problems(request: web.Request) -> web.StreamResponse:
    """Every code of a problem, with its status and meaning; `type` of a problem leads here."""
    accepted = request.headers.get("Accept", "")
    wants_json = "application/json" in accepted and "text/html" not in accepted
    if wants_json:
        return send(request, _problems_list(), vary="Accept")
    return _shown(request, render_problems(_reader(request), _codes()))


_LANGUAGE: Final = "/{language:de|en}"
_HTML: Final = Answer("The page.", None, ("text/html",))

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "GET",
        openapi.PATH,
        document,
        "The API as OpenAPI 3.1",
        PUBLIC,
        {200: Answer("The document.", dict[str, Any])},
        "operations",
    ),
    *(
        Route(
            "GET",
            prefix + path,
            handler,
            summary,
            PUBLIC,
            {200: _HTML},
            "pages",
            in_document=False,
        )
        for prefix, path, handler, summary in (
            ("", DOCS, docs, "The API in a browser"),
            (_LANGUAGE, DOCS, docs, "The API in a browser"),
            (_LANGUAGE, PROBLEMS, problems, "All codes of problems"),
        )
    ),
    Route(
        "GET",
        PROBLEMS,
        problems,
        "All codes of problems, as a page or as JSON",
        PUBLIC,
        {200: Answer("The codes.", dict[str, Any], ("application/json", "text/html"))},
        "operations",
    ),
)
