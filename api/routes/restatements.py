"""The restatement: what moved a filed report, or one figure, fact by fact."""

import asyncio
from typing import Annotated, Final, Literal

from aiohttp import hdrs, web
from msgspec import Meta, Struct

from api.answers import LEDGER_POSITION, PRIVATE, shown
from api.contract import Answer, Handler, Route, path_value, query
from api.problems import Problem
from api.requests import authority_of, day_of, known_at, today
from api.routes.filing import filing_of, refusing
from api.routes.report_files import Suffix, file_of, headers_of
from api.routes.trail import TRAIL_READ, limited_to
from api.routes.trail_shapes import Day, KnownAt, Position
from api.state import STATE
from projections.figures.asking import within_ledger
from projections.figures.catalogue import CATALOGUE, definition_of
from projections.figures.together import Tell, Together, silent
from projections.reports.compute import Question
from projections.reports.explaining import Restatement, of_figure, of_filings
from projections.reports.filing import Filed
from projections.reports.outputs import FORMATS, Format, Language
from projections.reports.restated import as_report
from projections.reports.restatement import EVALUATIONS_MAX

Evaluations = Annotated[int, Meta(ge=0, le=2_000)]


class Looking(Struct, frozen=True, kw_only=True):
    """How closely to look."""

    evaluations: Evaluations = 200
    """How many figures may be computed to tell facts apart; what is left stands in `runs`."""
    min_position: Position | None = None
    """Wait, as `Prefer: wait=2` says, until the read models are there."""


class AskedText(Looking, frozen=True, kw_only=True):
    """And in which language its words are."""

    lang: Language = "de"


class AskedCsv(AskedText, frozen=True, kw_only=True):
    """And in which dialect: RFC 4180, or German (semicolons, decimal comma, byte order mark)."""

    dialect: Literal["rfc4180", "de"] = "rfc4180"


class Since(Looking, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Which figure, and between which positions."""

    since: Position
    known_at: KnownAt | None = None
    from_: Day | None = None
    to: Day | None = None
    by: str | None = None
    view: str = "participating"
    cluster: str | None = None
    of: str | None = None


def _unlimited(request: web.Request) -> None:
    """A restatement names facts of every cluster, and who recorded them."""
    if limited_to(authority_of(request)) is not None:
        raise Problem(
            "cluster_not_covered", "A restatement needs a key that may read of every cluster."
        )


async def of_reports(request: web.Request) -> web.StreamResponse:
    """From one filing to a later one of the same report and period, or to `now`.

    Needs `trail:read` for every cluster: it names facts, and who recorded them.
    """
    found, _ = await _between(request, query(request, Looking))
    return shown(request, found)


async def _between(request: web.Request, asked: Looking) -> tuple[Restatement, Filed | None]:
    """The restatement that the path names, and the filing at its later end, if it is one."""
    _unlimited(request)
    state = request.app[STATE]
    upto = await known_at(request, None, asked.min_position)
    before = path_value(request, "before", Position)
    now = request.match_info["after"] == "now"
    after = None if now else path_value(request, "after", Position)
    later = None if after is None else await state.read(filing_of, after, upto)
    answer = state.count(restated, before, after, upto, asked.evaluations)
    return await refusing(answer), later


def _file(suffix: Suffix) -> Handler:
    """The handler of a restatement as a file, drawn as a report."""
    shape = AskedCsv if suffix == "csv" else AskedText

    async def handler(request: web.Request) -> web.StreamResponse:
        asked = query(request, shape)
        found, later = await _between(request, asked)
        figures = CATALOGUE if later is None else later.asked.figures
        origin = request.app[STATE].ledger.book.origin
        report = as_report(found, origin=origin, figures=figures)
        form: Format = "csv-de" if getattr(asked, "dialect", None) == "de" else suffix
        file = await asyncio.to_thread(file_of, report, form, asked.lang)
        position = {LEDGER_POSITION: str(found.after.known_at)}
        headers = headers_of(file, form, asked.lang, PRIVATE[hdrs.CACHE_CONTROL])
        return web.Response(body=file.body, headers={**headers, **position})

    handler.__doc__ = f"A restatement as {suffix.upper()}."
    return handler


def restated(
    engine: Together,
    before: int,
    after: int | None,
    upto: int,
    evaluations: int = EVALUATIONS_MAX,
    tell: Tell = silent,
) -> Restatement:
    """From one filing to another, or (None) to the report in force at a position."""
    return of_filings(
        engine,
        filing_of(engine.conn, before, upto),
        None if after is None else filing_of(engine.conn, after, upto),
        known_at=upto,
        evaluations=evaluations,
        tell=tell,
    )


async def of_one(request: web.Request) -> web.StreamResponse:
    """What moved one figure between `since` and `known_at`. Needs `trail:read` for all clusters."""
    _unlimited(request)
    asked = query(request, Since)
    await known_at(request, str(asked.since), None)
    upto = await known_at(request, asked.known_at, asked.min_position)
    question = Question(
        request.match_info["id"].partition("@")[0],
        asked.by,
        asked.view,
        None if asked.from_ is None else day_of(asked.from_, "from"),
        day_of(asked.to, "to"),
        tuple((n, v) for n in ("cluster", "of") if (v := getattr(asked, n)) is not None),
    )
    name = request.match_info["id"]
    answer = request.app[STATE].count(_of_one, name, question, asked, upto)
    return shown(request, await refusing(answer))


def _of_one(
    engine: Together, figure: str, question: Question, asked: Since, upto: int
) -> Restatement:
    within_ledger(engine, question.period_to, upto, today=today())
    return of_figure(
        engine,
        definition_of(figure),
        question,
        since=asked.since,
        known_at=upto,
        evaluations=asked.evaluations,
    )


def _file_route(suffix: Suffix) -> Route:
    media = FORMATS[suffix].media_type.partition(";")[0]
    return Route(
        "GET",
        f"/v1/reports/{{before}}/diff/{{after}}.{suffix}",
        _file(suffix),
        f"The restatement of a filed report as {suffix.upper()}",
        TRAIL_READ,
        {200: Answer("The file.", None, media_types=(media,))},
        "reports",
        query=AskedCsv if suffix == "csv" else AskedText,
        path_parameters={"before": Position, "after": str},
        problems=(400, 401, 403, 404, 422, 429, 503),
    )


_SUFFIXES: Final[tuple[Suffix, ...]] = ("csv", "xlsx", "pdf")

ROUTES: Final[tuple[Route, ...]] = (
    *map(_file_route, _SUFFIXES),  # before {after}, which would take "now.csv" too
    Route(
        "GET",
        "/v1/reports/{before}/diff/{after}",
        of_reports,
        "The restatement of a filed report: against a later filing, or `now`",
        TRAIL_READ,
        {200: Answer("What moved, by how much, because of which facts.", Restatement)},
        "reports",
        query=Looking,
        path_parameters={"before": Position, "after": str},
        problems=(400, 401, 403, 404, 422, 429, 503),
    ),
    Route(
        "GET",
        "/v1/figures/{id}/restatement",
        of_one,
        "What moved a figure between two positions, fact by fact",
        TRAIL_READ,
        {200: Answer("What moved, by how much, because of which facts.", Restatement)},
        "figures",
        query=Since,
        path_parameters={"id": str},
        problems=(400, 401, 403, 404, 422, 429, 503),
    ),
)
