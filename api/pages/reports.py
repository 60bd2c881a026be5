"""Reports: choose and preview one, file it, look at a filing, see what moved it since."""

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
from api.requests import day_of, known_at
from api.routes.filing import FILE, Days, ToFile, filed, filing_of, refusing
from api.routes.report_files import Profile, profile_of, report_at
from api.routes.restatements import restated
from api.routes.trail import limited_to
from api.routes.trail_shapes import Position
from api.web.tables import Drawn, drawn
from projections.figures.catalogue import Text
from projections.figures.engines import PostgresEngine
from projections.reports import filing
from projections.reports.catalogue import REPORTS, ReportOf, report_of
from projections.reports.compute import compute_report
from projections.reports.explaining import Restatement
from projections.reports.filing import Filed
from projections.reports.model import Report
from projections.reports.public import public

_TITLE: Final = Text("Berichte", "Reports")
_FORMATS: Final = ("pdf", "xlsx", "csv", "json")


class ReportsPage(Struct, frozen=True):
    """What was filed, newest first."""

    items: list[Filed]


class ReportsQuery(PageQuery, frozen=True, rename={"from_": "from"}):
    """Which report to preview, over which days."""

    report: str | None = None
    from_: str | None = None
    to: str | None = None


async def shown(ask: Ask[PageQuery]) -> Sheet:
    """What was filed, and the reports there are."""
    items = await ask.state.read(filing.filings, upto=ask.cut.known_at)
    return Sheet(
        title=_TITLE,
        template="reports.html",
        data=ReportsPage(items),
        rows=items,
        content={"reports": tuple(REPORTS.values()), "titles": _titles(items)},
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
    report = await refusing(
        ask.state.read(
            _computed,
            _named(asked.report or ""),
            day_of(asked.from_, "from") if asked.from_ else None,
            day_of(asked.to or None, "to"),
            ask.cut.known_at,
        )
    )
    return Sheet(
        title=report.title,
        template="report.html",
        data=Preview(report, report.digest),
        content={
            "tables": await _drawn(report, ask),
            "filed": None,
            "id": str(uuid4()),
            "asked": {"report": asked.report, "from": asked.from_ or "", "to": asked.to or ""},
        },
    )


def _named(name: str) -> ReportOf:
    if name.partition("@")[0] not in REPORTS:
        raise Problem("not_found", f"There is no report {name[:60]!r}.")
    return report_of(name)


def _computed(
    conn: Connection[Any], report: ReportOf, start: date | None, end: date, position: int
) -> Report:
    return compute_report(
        PostgresEngine(conn),
        report,
        period_from=start,
        period_to=end,
        known_at=position,
        parameters={},
    )


async def _drawn(report: Report, ask: Ask[Any]) -> tuple[Drawn, ...]:
    return await asyncio.to_thread(drawn, report, ask.language)


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
    )
    done = await filed(ask.request, to_file)
    await ask.state.caught_up(done.receipt.position, 5.0)
    return Sent(f"/reports/{done.receipt.position}")


def _position(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


class FiledPage(Struct, frozen=True):
    """A filing, and its report made again; `profile` tells whether small cells are withheld."""

    filed: Filed
    profile: Profile
    report: Report
    digest: str


async def single(ask: Ask[PageQuery]) -> Sheet:
    """A filed report, made again from the facts known then and held against its digest."""
    position = path_value(ask.request, "position", Position)
    profile = profile_of(ask.request, None)
    upto = await known_at(ask.request, None, None)
    found = await ask.state.read(filing_of, position, upto)
    report = await refusing(ask.state.read(report_at, position, upto, profile))
    shown_report = await asyncio.to_thread(public, report) if profile == "public" else report
    return Sheet(
        title=report.title,
        template="report.html",
        data=FiledPage(found, profile, shown_report, report.digest),
        content={
            "tables": await _drawn(shown_report, ask),
            "filed": found,
            "formats": _FORMATS,
        },
    )


class RestatementPage(Struct, frozen=True):
    """What moved a filing since."""

    filed: Filed
    restatement: Restatement


async def restatement(ask: Ask[PageQuery]) -> Sheet:
    """A filing against the facts known at the page's position: what moved, because of which."""
    if limited_to(ask.authority) is not None:
        raise Problem(
            "cluster_not_covered", "A restatement needs a key that may read of every cluster."
        )
    position = path_value(ask.request, "position", Position)
    found = await ask.state.read(filing_of, position, ask.cut.known_at)
    moved = await refusing(ask.state.read(restated, position, None, ask.cut.known_at))
    return Sheet(
        title=Text("Was sich seither geändert hat", "What has changed since"),
        template="restatement.html",
        data=RestatementPage(found, moved),
        content={"title": report_of(found.report).title},
    )


ROUTES: Final = (
    page("/reports", shown, "Reports", scope=PUBLIC),
    page("/reports/preview", preview, "A report before it is filed", scope="figures:read",
         asked=ReportsQuery),
    form("/reports", file, "File a report", scope=FILE),
    page("/reports/{position:[^/.]+}", single, "A filed report", scope=PUBLIC),
    page("/reports/{position:[^/.]+}/restatement", restatement, "What moved a filed report",
         scope="trail:read"),
)  # fmt: skip
