"""Reports: choose and preview one, file it, look at a filing made again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Any, Final
from uuid import uuid4

from msgspec import Struct
from psycopg import Connection

from api.contract import PUBLIC, path_value
from api.pages.sheet import Ask, PageQuery, Sent, Sheet, form, page
from api.problems import Problem
from api.requests import day_of, known_at, today
from api.routes.filing import FILE, Days, ToFile, filed, filing_of, refusing
from api.routes.report_files import Profile, profile_of, report_at
from api.routes.trail_shapes import Position
from api.web.tables import drawn
from projections.figures.asking import within_ledger
from projections.figures.catalogue import Text
from projections.figures.together import Together
from projections.reports import filing
from projections.reports.catalogue import REPORTS, ReportOf, report_of
from projections.reports.compute import compute_report
from projections.reports.filing import Filed
from projections.reports.model import Report
from projections.reports.public import public
from projections.reports.refusals import ReportMismatch
from projections.views.base import Cut
from projections.views.names import cluster_names

_TITLE: Final = Text("Berichte", "Reports")
_FORMATS: Final = ("pdf", "xlsx", "csv", "json")


class ReportsPage(Struct, frozen=True):
    """What was filed, newest first."""

    items: list[Filed]


class ReportsQuery(PageQuery, frozen=True, rename={"from_": "from"}):
    """Which report to preview, over which days; of one cluster, where the report can be that."""

    report: str | None = None
    from_: str | None = None
    to: str | None = None
    cluster: str | None = None


async def shown(ask: Ask[PageQuery]) -> Sheet:
    """What was filed, and the reports there are."""
    items = await ask.state.read(filing.filings, upto=ask.cut.known_at)
    names = await ask.state.read(cluster_names, ask.cut)
    return Sheet(
        title=_TITLE,
        template="reports.html",
        data=ReportsPage(items),
        rows=items,
        content={"reports": tuple(REPORTS.values()), "titles": _titles(items), "names": names},
    )


def _titles(items: list[Filed]) -> Mapping[str, Text]:
    return {item.report: report_of(item.report).title for item in items}


class Preview(Struct, frozen=True):
    """A report as it would be filed now."""

    report: Report
    digest: str


async def preview(ask: Ask[ReportsQuery]) -> Sheet:
    """A report over any days at the page's position, before it is filed."""
    asked = ask.asked
    definition = _named(asked.report or "")
    parameters = _parameters(asked.cluster)
    report = await refusing(
        ask.state.count(
            _computed,
            definition,
            day_of(asked.from_, "from") if asked.from_ else None,
            day_of(asked.to or None, "to"),
            ask.cut.known_at,
            parameters,
        )
    )
    names = await ask.state.read(cluster_names, Cut(report.period.to, ask.cut.known_at))
    return Sheet(
        title=report.title,
        template="report.html",
        data=Preview(report, report.digest),
        report=report,
        content={
            "tables": await asyncio.to_thread(drawn, report, ask.language, names),
            "filed": None,
            "id": str(uuid4()),
            "names": names,
            "may_narrow": "cluster" in definition.parameters,
            "asked": {"report": asked.report, "from": asked.from_ or "", **parameters},
        },
    )


def _parameters(cluster: str | None) -> dict[str, str]:
    return {"cluster": cluster} if cluster else {}


def _named(name: str) -> ReportOf:
    if name.partition("@")[0] not in REPORTS:
        raise Problem("not_found", f"There is no report {name[:60]!r}.")
    return report_of(name)


def _computed(
    engine: Together,
    report: ReportOf,
    start: date | None,
    end: date,
    position: int,
    parameters: Mapping[str, str],
) -> Report:
    within_ledger(engine, end, position, today=today())
    return compute_report(
        engine,
        report,
        period_from=start,
        period_to=end,
        known_at=position,
        parameters=parameters,
    )


async def file(ask: Ask[PageQuery], given: Mapping[str, str]) -> Sheet | Sent:
    """File the report that was previewed, as known at the position of the preview."""
    sources = ask.authority.sources - {"*"}
    to_file = ToFile(
        id=given.get("id", "")[:200] or str(uuid4()),
        source=min(sources, default="//clusterledger/pages"),
        report=_named(given.get("report", "")).name,
        period=Days(
            day_of(given.get("to") or None, "to"),
            day_of(given["from"], "from") if given.get("from") else None,
        ),
        known_at=_position(given.get("known_at", "")),
        parameters=_parameters(given.get("cluster")),
    )
    done = await filed(ask.request, to_file)
    await ask.state.caught_up(done.receipt.position, 5.0)
    return Sent(f"/reports/{done.receipt.position}")


def _position(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


class FiledPage(Struct, frozen=True):
    """A filing, and its report made again; `profile` tells whether small cells are withheld.

    `digest` is the one it has now. Where it is not the filed one there is no report: what comes out
    otherwise is an alarm, never an answer.
    """

    filed: Filed
    profile: Profile
    report: Report | None
    digest: str


async def single(ask: Ask[PageQuery]) -> Sheet:
    """A filed report, made again from the facts known then and held against its digest."""
    position = path_value(ask.request, "position", Position)
    profile = profile_of(ask.request, None)
    upto = await known_at(ask.request, None, None)
    found = await ask.state.read(filing_of, position, upto)
    definition = report_of(found.report)
    report = await refusing(ask.state.read(_again, position, upto, profile))
    content: dict[str, Any] = {"filed": found, "formats": _FORMATS, "meaning": definition.meaning}
    if isinstance(report, ReportMismatch):
        data = FiledPage(found, profile, None, report.made)
    else:
        shown_report = await asyncio.to_thread(public, report) if profile == "public" else report
        data = FiledPage(found, profile, shown_report, report.digest)
        names = await ask.state.read(cluster_names, Cut(found.period.to, found.known_at))
        content["names"] = names
        content["tables"] = await asyncio.to_thread(drawn, shown_report, ask.language, names)
        content["later"] = await ask.state.read(_comparable, found, upto)
    return Sheet(
        title=definition.title,
        template="report.html",
        data=data,
        report=data.report,
        content=content,
        status=200 if data.report else 500,
        known_at=found.known_at,
    )


def _again(
    conn: Connection[Any], position: int, upto: int, profile: Profile
) -> Report | ReportMismatch:
    """The report, or how its digest differs."""
    try:
        return report_at(conn, position, upto, profile)
    except Problem as problem:
        if isinstance(problem.__cause__, ReportMismatch):
            return problem.__cause__
        raise


def _comparable(conn: Connection[Any], found: Filed, upto: int) -> list[Filed]:
    """Later filings of the same report, period and parameters, newest first."""
    report = found.report.partition("@")[0]
    return [
        other
        for other in filing.filings(conn, upto=upto, report=report)
        if (other.period, other.parameters) == (found.period, found.parameters)
        and other.known_at >= found.known_at
        and other.position > found.position
    ]


ROUTES: Final = (
    page("/reports", shown, "Reports", scope=PUBLIC),
    page("/reports/preview", preview, "A report before it is filed", scope="figures:read",
         asked=ReportsQuery),
    form("/reports", file, "File a report", scope=FILE),
    page("/reports/{position:[^/.]+}", single, "A filed report", scope=PUBLIC),
)  # fmt: skip
