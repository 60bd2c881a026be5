"""What every handler asks of a request: who, the body, and the cuts in time."""

import asyncio
import re
from datetime import UTC, date, datetime
from typing import Final
from zoneinfo import ZoneInfo

from aiohttp import web
from msgspec import Struct

from api.problems import Finding, Problem
from api.state import STATE
from ledger.domain.commands import Authority

BODY_BYTES_MAX: Final = 5_000_000
CODINGS: Final = frozenset({"identity", "gzip", "deflate"})
"""Content codings of a body. What the framework could inflate besides is not offered."""
BERLIN: Final = ZoneInfo("Europe/Berlin")
AUTHORITY: Final = web.RequestKey("authority", Authority)
_WAIT = re.compile(r"(?:^|[,;\s])wait=(\d{1,4})\b")


def authority_of(request: web.Request) -> Authority:
    """Who asks. The dispatcher has checked that a route's key is there."""
    return request[AUTHORITY]


async def body_of(request: web.Request, timeout_s: float) -> bytes:
    """The inflated body, at most BODY_BYTES_MAX. Raises Problem."""
    coding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if coding not in CODINGS or len(request.headers.getall("Content-Encoding", ())) > 1:
        raise Problem(
            "unsupported_media_type",
            f"The content coding {coding[:40]!r} is not taken; gzip and deflate are, once.",
            headers={"Accept-Encoding": "gzip, deflate"},
        )
    try:
        if request.content.is_eof():  # all of it came with the head: there is nothing to wait for
            return await request.read()
        async with request.app[STATE].bodies, asyncio.timeout(timeout_s):
            return await request.read()
    except TimeoutError as error:
        raise Problem("body_too_slow", f"The body took longer than {timeout_s} s.") from error
    except web.HTTPRequestEntityTooLarge as error:
        raise too_large() from error
    except (web.RequestPayloadError, ValueError) as error:
        raise Problem(
            "malformed_request", "The body does not have the form its headers say."
        ) from error


def too_large() -> Problem:
    """The body is beyond the limit, before or after inflating."""
    return Problem("body_too_large", f"A body has at most {BODY_BYTES_MAX} bytes, inflated.")


class Cut(Struct, frozen=True):
    """The two times of a question: a day in Europe/Berlin, and a position."""

    as_of: date
    known_at: int


def today() -> date:
    """Today in Europe/Berlin."""
    return datetime.now(BERLIN).date()


def day_of(text: str | None, name: str, default: date | None = None) -> date:
    """An ISO day. Raises Problem `invalid_parameter`."""
    if text is None:
        return default or today()
    try:
        day = date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text) else None
    except ValueError:
        day = None
    if day is None:
        raise _invalid(name, f"{text[:40]!r} is no day.", "A day is written 2026-11-22.")
    return day


async def known_at(request: web.Request, text: str | None, min_position: int | None) -> int:
    """The position a question is answered at: left out, how far the read models are.

    A position, or an instant that is turned into the last position recorded at or before it.
    Waits as the header `Prefer: wait=` says. Raises Problem.
    """
    state = request.app[STATE]
    wanted = prefers_to_wait_s(request)
    at = await state.caught_up(min_position, wanted)
    if text is None:
        return at
    if text.isascii() and text.isdecimal() and len(text) <= 15:
        position = int(text)
    else:
        position = await state.book(state.ledger.book.position_at, _instant(text))
    if position > at:
        head = (await state.book(state.ledger.book.head)).position
        if position > head:
            raise Problem(
                "known_at_in_future",
                f"known_at={position} lies beyond the ledger's head, {head}.",
                errors=(Finding("known_at", "beyond the head", position, fix=f"At most {head}."),),
            )
        await state.caught_up(position, max(wanted, 2.0))
    return position


def _instant(text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError as error:
        fix = "A position, or an instant with its zone: 2026-11-22T10:00:00Z."
        raise _invalid("known_at", f"{text[:40]!r} is neither.", fix) from error
    try:
        if instant.tzinfo is None:
            instant = _local(instant, text)
        instant = instant.astimezone(UTC)
    except OverflowError as error:
        raise _invalid(
            "known_at", f"{text[:40]!r} is beyond the calendar.", "Ask for position 0."
        ) from error
    if instant > datetime.now(UTC):
        raise Problem("known_at_in_future", f"{text[:40]} lies in the future.")
    return instant


def _local(instant: datetime, text: str) -> datetime:
    """A local time of Berlin; one that does not exist (summer time begins) is refused."""
    local = instant.replace(tzinfo=BERLIN)
    if local.astimezone(UTC).astimezone(BERLIN).replace(tzinfo=None) != instant:
        raise _invalid(
            "known_at", f"{text[:40]} does not exist in Europe/Berlin.", "Name the zone."
        )
    return local


def prefers_to_wait_s(request: web.Request) -> float:
    """What `Prefer: wait=` says. RFC 7240, section 4.3."""
    found = _WAIT.search(request.headers.get("Prefer", ""))
    return float(found[1]) if found else 0.0


def _invalid(name: str, detail: str, fix: str) -> Problem:
    return Problem("invalid_parameter", detail, errors=(Finding(name, detail, fix=fix),))
