"""Bytes to a browser: kept compressed, revalidated by digest."""

import gzip
import re
from hashlib import sha256
from typing import Final, Self

from aiohttp import web
from msgspec import Struct

REVALIDATE: Final = "no-cache"
"""May be kept, but is asked for again each time: a 304 where nothing changed."""
FOREVER: Final = "public, max-age=31536000, immutable"
_GZIP: Final = re.compile(
    r"(?:^|,)\s*(?:gzip|\*)\s*(?:;\s*q=(?P<q>[0-9.]+)\s*)?(?:,|$)", re.IGNORECASE
)
_GZIP_BYTES_MIN: Final = 1_000


class Page(Struct, frozen=True):
    """What is sent, in both codings; `packed` is empty where packing does not help."""

    body: bytes
    packed: bytes
    media_type: str
    etag: str

    @classmethod
    def of(cls, body: bytes, media_type: str) -> Self:
        """A body with its digest, packed once."""
        packed = gzip.compress(body, 6, mtime=0) if len(body) >= _GZIP_BYTES_MIN else b""
        if len(packed) > len(body) * 9 // 10:
            packed = b""  # fonts and pictures are packed already
        return cls(body, packed, media_type, f'W/"{sha256(body).hexdigest()[:32]}"')


def send(
    request: web.Request, page: Page, cache: str = REVALIDATE, vary: str | None = None
) -> web.Response:
    """The page, or 304 where the client has it."""
    varies = ", ".join(filter(None, ("Accept-Encoding" if page.packed else "", vary)))
    headers = {"ETag": page.etag, "Cache-Control": cache}
    if varies:
        headers["Vary"] = varies
    if _has(request.headers.get("If-None-Match", ""), page.etag):
        return web.Response(status=304, headers=headers)
    headers["Content-Type"] = page.media_type
    if page.packed and _takes_gzip(request.headers.get("Accept-Encoding", "")):
        return web.Response(body=page.packed, headers={**headers, "Content-Encoding": "gzip"})
    return web.Response(body=page.body, headers=headers)


def _has(given: str, etag: str) -> bool:
    """If-None-Match compares weakly. RFC 9110, section 13.1.2."""
    tags = {tag.strip().removeprefix("W/") for tag in given.split(",")}
    return "*" in tags or etag.removeprefix("W/") in tags


def _takes_gzip(given: str) -> bool:
    found = _GZIP.search(given)
    return found is not None and (found["q"] is None or found["q"].strip("0.") != "")
