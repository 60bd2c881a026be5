"""Filed reports as files: JSON, CSV, XLSX, PDF. A filing's place never changes, nor does its file.

Without a key that reads figures, a file is of the public version. The report is made again from
the facts known when it was filed, held against the filed digest, and drawn; what was drawn is kept.
"""

import asyncio
from base64 import b64encode
from collections import OrderedDict
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final, Literal, NamedTuple

from aiohttp import hdrs, web
from psycopg import Connection

from api.answers import unchanged
from api.contract import PUBLIC, Answer, Handler, Route, path_value, query
from api.dispatch import NOBODY
from api.problems import Problem
from api.requests import authority_of, known_at
from api.routes.figures import READ
from api.routes.filing import filing_of, made_again, refusing
from api.routes.trail_shapes import MinPosition, Position
from api.state import STATE
from projections.figures.together import Tell, silent
from projections.reports import filing
from projections.reports.filing import Filed
from projections.reports.model import Report, narrowing
from projections.reports.outputs import FORMATS, Format, Language, file_name, render
from projections.reports.public import public

Profile = Literal["full", "public"]
Suffix = Literal["json", "csv", "xlsx", "pdf"]

KEPT_BYTES_MAX: Final = 64 * 1024 * 1024
"""Drawn files kept in a worker; the oldest go first. Anything that went is drawn again."""

_FOREVER: Final = "max-age=31536000, immutable"
_VARY: Final = "Authorization, Cookie"


class AskedFile(MinPosition, frozen=True, kw_only=True):
    """Which version: `public`, small cells withheld, or `full`, which needs a key."""

    profile: Profile | None = None


class AskedText(AskedFile, frozen=True, kw_only=True):
    """And in which language its words are."""

    lang: Language = "de"


class AskedCsv(AskedText, frozen=True, kw_only=True):
    """And in which dialect: RFC 4180, or German (semicolons, decimal comma, byte order mark)."""

    dialect: Literal["rfc4180", "de"] = "rfc4180"


class AskedLatest(MinPosition, frozen=True, kw_only=True):
    """The report, as id or id@version."""

    report: str | None = None


class File(NamedTuple):
    """A drawn file."""

    body: bytes
    name: str
    sha256: bytes


class Files:
    """Files kept by filing, profile, format and language. Lives in the event loop."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[object, ...], File] = OrderedDict()
        self._drawing = asyncio.Lock()

    def kept(self, key: tuple[object, ...]) -> File | None:
        """What was drawn before."""
        if key in self._kept:
            self._kept.move_to_end(key)
        return self._kept.get(key)

    async def drawn(self, key: tuple[object, ...], report: Report, form: Format, lang: Language,
                    profile: Profile) -> File:  # fmt: skip
        """Draw in a thread, one file after the other: the compiler takes all cores it gets."""
        async with self._drawing:
            found = self.kept(key)
            if found is None:
                found = await asyncio.to_thread(_draw, report, form, lang, profile)
                self._keep(key, found)
        return found

    def _keep(self, key: tuple[object, ...], file: File) -> None:
        self._kept[key] = file
        while sum(len(kept.body) for kept in self._kept.values()) > KEPT_BYTES_MAX:
            self._kept.popitem(last=False)


FILES: Final = web.AppKey("files", Files)


def _draw(report: Report, form: Format, lang: Language, profile: Profile) -> File:
    return file_of(public(report) if profile == "public" else report, form, lang)


def file_of(report: Report, form: Format, lang: Language) -> File:
    """A report, drawn."""
    body = render(report, form, lang)
    return File(body, file_name(report, form, lang), sha256(body).digest())


def _file(suffix: Suffix) -> Handler:
    """The handler of one suffix."""
    shape = _SHAPES[suffix]

    async def handler(request: web.Request) -> web.StreamResponse:
        asked = query(request, shape)
        profile = profile_of(request, asked.profile)
        position = path_value(request, "position", Position)
        upto = await known_at(request, None, asked.min_position)
        lang: Language = getattr(asked, "lang", "de")
        form: Format = "csv-de" if getattr(asked, "dialect", None) == "de" else suffix
        files = request.app[FILES]
        key = (position, profile, form, lang)
        file = files.kept(key)
        if file is None:
            read = request.app[STATE].read
            report = await refusing(read(report_at, position, upto, profile))
            file = await files.drawn(key, report, form, lang, profile)
        # Who may keep it: everybody, or whoever asked.
        keeping = f"{'public' if profile == 'public' else 'private'}, {_FOREVER}"
        headers = headers_of(file, form, lang, keeping)
        held = unchanged(request, headers[hdrs.ETAG])
        if held is not None:
            held.headers.update(headers)
            return held
        return web.Response(body=file.body, headers=headers)

    handler.__doc__ = f"A filed report as {suffix.upper()}."
    return handler


def report_at(
    conn: Connection[Any], position: int, upto: int, profile: Profile, tell: Tell = silent
) -> Report:
    """A filed report made again; the public profile of a narrowed one is refused."""
    found = filing_of(conn, position, upto)
    if profile == "public" and narrowing(found.parameters):
        raise _narrowed()
    return made_again(conn, found, tell)


def _narrowed() -> Problem:
    detail = "A report that a parameter narrows has no public version: its totals are small cells."
    return Problem("public_profile", detail)


def profile_of(request: web.Request, asked: Profile | None) -> Profile:
    """Which version whoever asks may see. Raises `public_profile`."""
    authority = authority_of(request)
    if authority is not NOBODY and authority.has(READ):
        return asked or "full"
    if asked == "full":
        raise Problem("public_profile", f"The full version needs a key with {READ}.")
    return "public"


def headers_of(file: File, form: Format, lang: Language, keeping: str) -> Mapping[str, str]:
    """RFC 9110 validators, RFC 9530 digest; `keeping` is its Cache-Control."""
    output = FORMATS[form]
    headers = {
        hdrs.CONTENT_TYPE: output.media_type,
        hdrs.CONTENT_DISPOSITION: f'attachment; filename="{file.name}"',
        hdrs.CACHE_CONTROL: keeping,
        hdrs.VARY: _VARY,
        hdrs.ETAG: f'"{file.sha256.hex()}"',
        "Repr-Digest": f"sha-256=:{b64encode(file.sha256).decode()}:",
    }
    return headers | ({hdrs.CONTENT_LANGUAGE: lang} if output.has_language else {})


def _latest(suffix: Suffix) -> Handler:
    """The handler that leads to the newest filing in one suffix."""

    async def handler(request: web.Request) -> web.StreamResponse:
        asked = query(request, AskedLatest)
        upto = await known_at(request, None, asked.min_position)
        every = await request.app[STATE].read(filing.filings, upto=upto, report=asked.report)
        reads = profile_of(request, None) == "full"
        shown = (one for one in every if reads or not narrowing(one.parameters))
        found: Filed | None = next(shown, None)
        if found is None:
            raise Problem("not_found", f"Nothing is filed as {asked.report or 'a report'} yet.")
        headers = {
            hdrs.LOCATION: f"/v1/reports/{found.position}.{suffix}",
            hdrs.CACHE_CONTROL: "no-cache",
            hdrs.VARY: _VARY,
        }
        return web.Response(status=303, headers=headers)

    handler.__doc__ = f"303 to the newest filing of a report as {suffix.upper()}."
    return handler


_SHAPES: Final[Mapping[Suffix, type[AskedFile]]] = {
    "json": AskedFile,
    "csv": AskedCsv,
    "xlsx": AskedText,
    "pdf": AskedText,
}


def _routes(suffix: Suffix) -> tuple[Route, Route]:
    media = FORMATS[suffix].media_type.partition(";")[0]
    named = suffix.upper()
    return (
        Route(
            "GET",
            f"/v1/reports/latest.{suffix}",
            _latest(suffix),
            f"The newest filing of a report as {named}",
            PUBLIC,
            {303: Answer("Its place.", media_types=())},
            "reports",
            query=AskedLatest,
            problems=(400, 404, 429, 503),
        ),
        Route(
            "GET",
            f"/v1/reports/{{position}}.{suffix}",
            _file(suffix),
            f"A filed report as {named}; it never changes",
            PUBLIC,
            {
                200: Answer(
                    "The file.", Report if suffix == "json" else None, media_types=(media,)
                ),
                304: Answer("As you hold it.", media_types=()),
            },
            "reports",
            query=_SHAPES[suffix],
            path_parameters={"position": Position},
            problems=(400, 403, 404, 429, 500, 503),
        ),
    )


ROUTES: Final = tuple(route for suffix in _SHAPES for route in _routes(suffix))
