"""Reports: file one, list what was filed, read one made again; close a period."""

from collections.abc import Awaitable
from datetime import date
from typing import Any, Final, TypeVar

import msgspec
import structlog
from aiohttp import hdrs, web
from msgspec import Struct
from psycopg import Connection

from api.answers import JSON, LEDGER_POSITION, shown
from api.contract import Answer, Route, path_value, query
from api.intake.json_body import told
from api.problems import Problem
from api.requests import authority_of, known_at, today
from api.routes.facts import recorded
from api.routes.figures import READ, of_refusal
from api.routes.trail_shapes import MinPosition, Position
from api.state import STATE
from ledger.domain.commands import ADMIN, Authority, Incoming, Receipt
from ledger.domain.facts import EventId, Fact, PeriodClosed, ReportPublished, Source
from ledger.service import incoming
from ledger.store.codec import canonical
from projections.figures.asking import within_ledger
from projections.figures.catalogue import CATALOGUE, Text
from projections.figures.refusals import FigureRefusal
from projections.figures.together import Tell, Together, silent
from projections.reports import filing
from projections.reports.catalogue import REPORTS, ReportOf, report_of
from projections.reports.compute import Asked
from projections.reports.filing import Filed
from projections.reports.model import Report
from projections.reports.refusals import ReportMismatch

log: Final = structlog.get_logger(__name__)

FILE: Final = "reports:file"

T = TypeVar("T")


class Days(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Both days inclusive; `from` left out: from the programme's start."""

    to: date
    from_: date | None = None


class ClosedDays(Struct, frozen=True, forbid_unknown_fields=True, rename={"from_": "from"}):
    """Both days inclusive."""

    from_: date
    to: date


class ToFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report to file. `id` and `source` name the filing, as they name a fact: repeating them
    files nothing twice. `known_at` left out: how far the read models are. The parameter
    `open_imports=accepted` files it although an attendance list has not come in full."""

    id: EventId
    source: Source
    report: str
    period: Days
    known_at: Position | None = None
    parameters: dict[str, str] = {}


class ToClose(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A period to close, with the figures whose digests are kept: all that are in force, if left
    out."""

    id: EventId
    source: Source
    period: ClosedDays
    known_at: Position | None = None
    figures: tuple[str, ...] | None = None


class Filing(Struct, frozen=True, kw_only=True):
    """A filed report: its receipt, and what was filed."""

    receipt: Receipt
    filed: Filed


class Closing(Struct, frozen=True, kw_only=True):
    """A closed period: its receipt, and what was recorded."""

    receipt: Receipt
    closed: PeriodClosed


class FiledReport(Struct, frozen=True, kw_only=True):
    """A filing and its report, made again from the facts known then; the digests agree."""

    filed: Filed
    report: Report


class Listed(MinPosition, frozen=True, kw_only=True):
    """Which filings."""

    report: str | None = None
    """An id, or id@version."""


class Described(Struct, frozen=True):
    """A report that can be filed."""

    report: str
    title: Text
    meaning: Text
    parameters: tuple[str, ...]
    sha256: str


class Filings(Struct, frozen=True):
    """Filed reports, newest first, and the reports there are."""

    position: int
    items: list[Filed]
    reports: list[Described]


async def post(request: web.Request) -> web.StreamResponse:
    """Compute a report and record its filing; 201 with its place, or 200 where it was filed before.

    The ledger keeps what the report is a function of, and its digest. Needs `reports:file`.
    """
    done = await filed(request, await told(request, ToFile))
    return _made(done.receipt, done, f"/v1/reports/{done.receipt.position}")


async def filed(request: web.Request, asked: ToFile) -> Filing:
    """File a report for whoever asks, under their key's source. Raises Problem."""
    filer = _filer(request, asked.source)
    state = request.app[STATE]
    fact = await state.read(_before, asked.source, asked.id, asked)
    if fact is None:
        position = await _position(request, asked.known_at)
        fact = await refusing(state.count(_published, asked, position))
    receipt = await recorded(state, filer, _incoming(asked.id, asked.source, fact))
    found = await state.read(filing.filing_at, receipt.position, upto=receipt.position)
    assert found is not None
    return Filing(receipt=receipt, filed=found)


async def close(request: web.Request) -> web.StreamResponse:
    """Close a period with the digests of its figures: facts for it are late from here on.

    Needs `reports:file`.
    """
    asked = await told(request, ToClose)
    closer = _filer(request, asked.source)
    state = request.app[STATE]
    fact = await state.read(_before, asked.source, asked.id, asked)
    if fact is None:
        position = await _position(request, asked.known_at)
        fact = await refusing(state.count(_closed, asked, position))
    receipt = await recorded(state, closer, _incoming(asked.id, asked.source, fact))
    assert isinstance(fact, PeriodClosed)
    return _made(receipt, Closing(receipt=receipt, closed=fact), f"/v1/facts/{receipt.position}")


async def listed(request: web.Request) -> web.StreamResponse:
    """Filed reports, newest first, and the reports that can be filed."""
    asked = query(request, Listed)
    upto = await known_at(request, None, asked.min_position)
    items = await request.app[STATE].read(filing.filings, upto=upto, report=asked.report)
    return shown(request, Filings(upto, items, list(map(_described, REPORTS.values()))))


async def one(request: web.Request) -> web.StreamResponse:
    """A filed report, made again from the facts known then, and held against its digest."""
    position = path_value(request, "position", Position)
    upto = await known_at(request, None, query(request, MinPosition).min_position)
    return shown(request, await request.app[STATE].read(_made_again, position, upto))


async def latest(request: web.Request) -> web.StreamResponse:
    """303 to the newest filing of a report."""
    asked = query(request, Listed)
    upto = await known_at(request, None, asked.min_position)
    items = await request.app[STATE].read(filing.filings, upto=upto, report=asked.report, limit=1)
    if not items:
        raise Problem("not_found", f"Nothing is filed as {asked.report or 'a report'} yet.")
    headers = {
        hdrs.LOCATION: f"/v1/reports/{items[0].position}",
        LEDGER_POSITION: str(upto),
        hdrs.CACHE_CONTROL: "no-cache",
    }
    return web.Response(status=303, headers=headers)


def filing_of(conn: Connection[Any], position: int, upto: int) -> Filed:
    """The filing at a position. Raises Problem `not_found`."""
    found = filing.filing_at(conn, position, upto=upto)
    if found is None:
        raise Problem("not_found", f"No report was filed at position {position}.")
    return found


def made_again(conn: Connection[Any], found: Filed, tell: Tell = silent) -> Report:
    """The filing's report, counted anew whatever was counted before. A digest that differs is an
    alarm, never an answer."""
    engine = Together(conn)
    engine.tell = tell
    try:
        return filing.made_again(engine, found)
    except ReportMismatch as mismatch:
        log.error(
            "report_mismatch",
            position=mismatch.position,
            filed=mismatch.filed,
            made=mismatch.made,
        )
        raise Problem("report_mismatch", str(mismatch)) from mismatch


def _made_again(conn: Connection[Any], position: int, upto: int) -> FiledReport:
    found = filing_of(conn, position, upto)
    return FiledReport(filed=found, report=made_again(conn, found))


async def refusing(answer: Awaitable[T]) -> T:
    """An answer, or the problem that a figure's or report's refusal is."""
    try:
        return await answer
    except FigureRefusal as refusal:
        raise of_refusal(refusal) from refusal


def _filer(request: web.Request, source: str) -> Authority:
    """Who files, with the authority to record what this service computed itself."""
    authority = authority_of(request)
    if not authority.may_use(source):
        raise Problem("source_not_covered", f"This key may not use the source {source}.")
    return Authority(authority.actor, frozenset({ADMIN}))


async def _position(request: web.Request, position: int | None) -> int:
    return await known_at(request, None if position is None else str(position), None)


def _before(conn: Connection[Any], source: str, id: str, asked: ToFile | ToClose) -> Fact | None:
    """The fact recorded under this id before, if it answers the same question: repeated, it gets
    its first receipt, however far the ledger went on."""
    entry = filing.recorded(conn, source, id)
    if entry is None:
        return None
    fact = entry.fact
    if isinstance(fact, ReportPublished) and isinstance(asked, ToFile):
        filed = filing.filed(entry)
        days = Days(filed.period.to, filed.period.from_)
        same = asked.report in {fact.report, fact.report.partition("@")[0]}
        same = same and (asked.period, asked.parameters) == (days, fact.parameters)
    elif isinstance(fact, PeriodClosed) and isinstance(asked, ToClose):
        same = asked.period == ClosedDays(fact.period_from, fact.period_to)
    else:
        return None
    return fact if same and asked.known_at in {None, fact.known_at} else None


def _published(engine: Together, asked: ToFile, position: int) -> Fact:
    within_ledger(engine, asked.period.to, position, today=today())
    whole = Asked(
        period_from=asked.period.from_,
        period_to=asked.period.to,
        known_at=position,
        parameters=asked.parameters,
    )
    return filing.published(filing.to_be_filed(engine, report_of(asked.report), whole))


def _closed(engine: Together, asked: ToClose, position: int) -> Fact:
    within_ledger(engine, asked.period.to, position, today=today())
    return filing.closed(
        engine,
        period_from=asked.period.from_,
        period_to=asked.period.to,
        known_at=position,
        figures=CATALOGUE if asked.figures is None else asked.figures,
    )


def _incoming(id: str, source: str, fact: Fact) -> Incoming:
    return incoming(id, source, fact.topic, canonical(fact))


def _made(receipt: Receipt, body: Struct, location: str) -> web.Response:
    return web.Response(
        status=200 if receipt.duplicate else 201,
        body=msgspec.json.encode(body),
        headers={
            hdrs.CONTENT_TYPE: JSON,
            hdrs.LOCATION: location,
            LEDGER_POSITION: str(receipt.position),
        },
    )


def _described(report: ReportOf) -> Described:
    return Described(report.name, report.title, report.meaning, report.takes, report.sha256)


_FILED: Final = (400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 503)

ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST",
        "/v1/reports",
        post,
        "File a report: compute it, record what it rests on and its digest",
        FILE,
        {200: Answer("Filed before.", Filing), 201: Answer("Filed.", Filing)},
        "reports",
        request_bodies={JSON: ToFile},
        problems=_FILED,
    ),
    Route(
        "POST",
        "/v1/periods",
        close,
        "Close a period with its figures' digests",
        FILE,
        {200: Answer("Closed before.", Closing), 201: Answer("Closed.", Closing)},
        "reports",
        request_bodies={JSON: ToClose},
        problems=_FILED,
    ),
    Route(
        "GET",
        "/v1/reports",
        listed,
        "Filed reports, and the reports there are",
        READ,
        {200: Answer("The filings, newest first.", Filings)},
        "reports",
        query=Listed,
        problems=(400, 401, 403, 429, 503),
    ),
    Route(
        "GET",
        "/v1/reports/latest",
        latest,
        "The newest filing of a report",
        READ,
        {303: Answer("Its place.", media_types=())},
        "reports",
        query=Listed,
        problems=(400, 401, 403, 404, 429, 503),
    ),
    Route(
        "GET",
        "/v1/reports/{position}",
        one,
        "A filed report, made again and held against its digest",
        READ,
        {200: Answer("The filing and its report.", FiledReport)},
        "reports",
        query=MinPosition,
        path_parameters={"position": Position},
        problems=(400, 401, 403, 404, 429, 500, 503),
    ),
)
