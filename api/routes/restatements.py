"""The restatement: what moved a filed report, or one figure, fact by fact."""

from typing import Annotated, Final

from aiohttp import web
from msgspec import Meta, Struct

from api.answers import shown
from api.contract import Answer, Route, path_value, query
from api.problems import Problem
from api.requests import authority_of, day_of, known_at, today
from api.routes.filing import filing_of, refusing
from api.routes.trail import TRAIL_READ, limited_to
from api.routes.trail_shapes import Day, KnownAt, Position
from api.state import STATE
from projections.figures.asking import within_ledger
from projections.figures.catalogue import definition_of
from projections.figures.together import Tell, Together, silent
from projections.reports.compute import Question
from projections.reports.explaining import Restatement, of_figure, of_filings
from projections.reports.restatement import EVALUATIONS_MAX

Evaluations = Annotated[int, Meta(ge=0, le=2_000)]


class Looking(Struct, frozen=True, kw_only=True):
    """How closely to look."""

    evaluations: Evaluations = 200
    """How many figures may be computed to tell facts apart; what is left stands in `runs`."""
    min_position: Position | None = None
    """Wait, as `Prefer: wait=2` says, until the read models are there."""


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
    _unlimited(request)
    asked = query(request, Looking)
    upto = await known_at(request, None, asked.min_position)
    before = path_value(request, "before", Position)
    now = request.match_info["after"] == "now"
    after = None if now else path_value(request, "after", Position)
    answer = request.app[STATE].count(restated, before, after, upto, asked.evaluations)
    return shown(request, await refusing(answer))


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


ROUTES: Final[tuple[Route, ...]] = (
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
