"""What answers have in common: forms offered, cursors, links, validators, streams."""

import base64
import binascii
import csv
import io
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Any, Final, Generic, TypeVar

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct

from api.dispatch import SECURITY_HEADERS
from api.problems import Problem
from api.state import STATE

JSON: Final = "application/json"
CSV: Final = "text/csv"
NDJSON: Final = "application/x-ndjson"
OCTETS: Final = "application/octet-stream"
EVENTS: Final = "text/event-stream"
LEDGER_POSITION: Final = "Ledger-Position"
PRIVATE: Final = {"Cache-Control": "private, no-cache", "Vary": "Authorization, Accept"}

_CURSOR_CHARACTERS_MAX: Final = 4_000
T = TypeVar("T")


def shown(
    request: web.Request, value: Any, headers: Mapping[str, str] | None = None
) -> web.Response:
    """A struct as JSON, with how far the read models are."""
    position = str(request.app[STATE].progress.position)
    given = {hdrs.CONTENT_TYPE: JSON, **PRIVATE, LEDGER_POSITION: position, **(headers or {})}
    return web.Response(body=msgspec.json.encode(value), headers=given)


def accepted(request: web.Request, *offered: str) -> str:
    """The media type to answer in, the first one where all are welcome. Raises `not_acceptable`."""
    wanted = _accept(request.headers.getall(hdrs.ACCEPT, []))
    if not wanted:
        return offered[0]
    best = max(offered, key=lambda media: _quality(wanted, media))
    if _quality(wanted, best) <= 0:
        raise Problem("not_acceptable", f"Offered here: {', '.join(offered)}.")
    return best


def _accept(headers: list[str]) -> dict[str, float]:
    wanted: dict[str, float] = {}
    for part in ",".join(headers).split(","):
        media, *parameters = (piece.strip().lower() for piece in part.split(";"))
        if media:
            wanted[media] = next((_q(p) for p in parameters if p.startswith("q=")), 1.0)
    return wanted


def _q(parameter: str) -> float:
    try:
        return min(max(float(parameter[2:]), 0.0), 1.0)
    except ValueError:
        return 0.0


def _quality(wanted: Mapping[str, float], media: str) -> float:
    for pattern in (media, media.partition("/")[0] + "/*", "*/*"):
        if pattern in wanted:
            return wanted[pattern]
    return 0.0


class Cursor(Struct, Generic[T], frozen=True, array_like=True):
    """Where a list goes on: which question it belongs to, at which cut, behind which place."""

    question: str
    cut: str
    after: T

    def text(self) -> str:
        """As handed out: opaque, for a URL."""
        return base64.urlsafe_b64encode(msgspec.json.encode(self)).rstrip(b"=").decode()


def read_cursor(text: str, place: Any, question: str) -> Cursor[Any]:
    """A cursor that was handed out for this question. Raises Problem `invalid_cursor`."""
    try:
        if len(text) > _CURSOR_CHARACTERS_MAX:
            raise ValueError(text)
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        cursor: Cursor[Any] = msgspec.json.decode(raw, type=Cursor[place], strict=False)
    except (ValueError, binascii.Error, msgspec.MsgspecError) as error:
        raise Problem("invalid_cursor", "This cursor was not handed out here.") from error
    if cursor.question != question or "\\u0000" in raw.decode():
        raise Problem("invalid_cursor", "This cursor belongs to a list with other filters.")
    return cursor


def question_of(request: web.Request, *apart: str) -> str:
    """Which list this is: the path and all parameters but those that move within it."""
    parts = [request.path, *sorted(f"{k}={v}" for k, v in request.query.items() if k not in apart)]
    return sha256("\n".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:12]


def next_link(request: web.Request, cursor: str | None) -> dict[str, str]:
    """The header Link to the next page. RFC 8288."""
    if cursor is None:
        return {}
    return {hdrs.LINK: f'<{request.rel_url.update_query(cursor=cursor)}>; rel="next"'}


def unchanged(request: web.Request, tag: str) -> web.Response | None:
    """304 where the client holds this answer already. RFC 9110, section 13.1.2."""
    held = request.headers.get(hdrs.IF_NONE_MATCH)
    if held is None:
        return None
    tags = {one.strip().removeprefix("W/") for one in held.split(",")}
    if tag not in tags and "*" not in tags:
        return None
    return web.Response(status=304, headers={hdrs.ETAG: tag, **PRIVATE})


def stream(media_type: str, headers: Mapping[str, str] | None = None) -> web.StreamResponse:
    """An answer written piece by piece, with the headers that every answer carries."""
    given = {hdrs.CONTENT_TYPE: media_type, **PRIVATE, **SECURITY_HEADERS, **(headers or {})}
    return web.StreamResponse(headers=given)


async def streamed_csv(
    request: web.Request, pieces: AsyncIterator[Sequence[Struct]], headers: Mapping[str, str]
) -> web.StreamResponse:
    """All rows of a list, as long as it may be: no more than a piece of it is ever held."""
    first = await anext(pieces, ())  # a problem is answered before the first byte goes out
    response = stream(f"{CSV}; charset=utf-8", headers)
    await response.prepare(request)
    await response.write(csv_of(first))
    async for rows in pieces:
        await response.write(csv_of(rows, header=False))
    await response.write_eof()
    return response


def csv_of(rows: Sequence[Struct], *, header: bool = True) -> bytes:
    """RFC 4180, UTF-8. A cell that a spreadsheet would take for a formula is defused."""
    text = io.StringIO()
    writer = csv.writer(text)
    if rows and header:
        writer.writerow(rows[0].__struct_encode_fields__)
    for row in rows:
        values = msgspec.to_builtins(row).values()
        writer.writerow([_cell(value) for value in values])
    return text.getvalue().encode()


def _cell(value: Any) -> Any:
    if isinstance(value, list | tuple):
        value = " ".join(map(str, value))
    if isinstance(value, str) and value.startswith(("=", "+", "-", "@", "\t", "\r")):
        return "'" + value
    return value.isoformat() if isinstance(value, date) else value
