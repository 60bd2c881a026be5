"""The files that pages need, and the icon."""

import mimetypes
from functools import cache
from pathlib import Path
from typing import Any, Final

from aiohttp import web

from api.contract import PUBLIC, Answer, Route
from api.problems import Problem
from api.sending import FOREVER, REVALIDATE, Page, send
from api.web.assets import STATIC_DIR, STATIC_URL, asset


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
    return Page(_files()[name].read_bytes(), kind)


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


_FILE: Final = Answer("The file.", None, ("*/*",))


def _route(path: str, handler: Any, summary: str) -> Route:
    return Route(
        "GET",
        path,
        handler,
        summary,
        PUBLIC,
        {200: _FILE},
        "pages",
        problems=(503,),
        in_document=False,
    )


ROUTES: Final = (
    _route(STATIC_URL + "/{name:.+}", static, "A file of the pages"),
    _route("/favicon.ico", icon, "The icon"),
)
