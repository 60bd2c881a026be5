"""The API describes itself: OpenAPI, Swagger UI from local files, the list of problems."""

from collections.abc import Iterable
from functools import lru_cache
from typing import Any, Final

import orjson
from aiohttp import web

from api import openapi
from api.contract import PUBLIC, Answer, Route
from api.problems import all_codes, sentence_of
from api.sending import Page, send
from api.web.documents import ProblemCode, render_docs, render_problems

DOCUMENT: Final = web.AppKey("document", Page)
"""The OpenAPI document of an application's table."""


def document_of(routes: Iterable[Route]) -> Page:
    """The document as it is sent."""
    return Page.of(openapi.rendered(routes), "application/json")


@lru_cache(maxsize=1)
def _swagger() -> Page:
    return Page.of(render_docs(openapi.PATH).encode(), "text/html; charset=utf-8")


def _codes() -> tuple[ProblemCode, ...]:
    return tuple(
        ProblemCode(code, status, title, sentence_of(code))
        for code, (status, title) in all_codes().items()
    )


@lru_cache(maxsize=1)
def _problems_page() -> Page:
    return Page.of(render_problems(_codes()).encode(), "text/html; charset=utf-8")


@lru_cache(maxsize=1)
def _problems_list() -> Page:
    return Page.of(orjson.dumps({"problems": _codes()}, default=_plain), "application/json")


def _plain(code: ProblemCode) -> dict[str, object]:
    return {name: getattr(code, name) for name in code.__struct_fields__}


async def document(request: web.Request) -> web.StreamResponse:
    """This document: OpenAPI 3.1, written from the table that requests are checked with."""
    return send(request, request.app[DOCUMENT])


async def docs(request: web.Request) -> web.StreamResponse:
    """The API in a browser: Swagger UI, from this server's own files."""
    return send(request, _swagger())


async def problems(request: web.Request) -> web.StreamResponse:
    """Every code of a problem, with its status and meaning; `type` of a problem leads here."""
    accepted = request.headers.get("Accept", "")
    wants_json = "application/json" in accepted and "text/html" not in accepted
    return send(request, _problems_list() if wants_json else _problems_page(), vary="Accept")


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
    Route(
        "GET",
        "/docs",
        docs,
        "The API in a browser",
        PUBLIC,
        {200: _HTML},
        "pages",
        in_document=False,
    ),
    Route(
        "GET",
        "/docs/problems",
        problems,
        "All codes of problems, as a page or as JSON",
        PUBLIC,
        {200: Answer("The codes.", dict[str, Any], ("application/json", "text/html"))},
        "operations",
    ),
)
