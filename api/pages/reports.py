"""Reports: choose and preview one, file it, look at a filing made again."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from msgspec import Struct
from psycopg import Connection

from api.contract import PUBLIC, path_value
from api.pages.background import BACKGROUND, Tally
from api.pages.sheet import Ask, PageQuery, Sent, Sheet, form, page
from api.problems import Problem
from api.requests import day_of, known_at, today
from api.routes.filing import FILE, Days, ToFile, filed, filing_of, refusing
from api.routes.report_files import Profile, profile_of, report_at
from api.routes.trail_shapes import Position
from api.state import State
from api.web.frame import Kept
from api.web.language import LANGUAGES, Language
from api.web.tables import Drawn, drawn
from projections.figures.asking import within_ledger
from projections.figures.catalogue import Text
from projections.figures.together import Tell, Together
from projections.reports import filing
from projections.reports.catalogue import REPORTS, ReportOf, report_of
from projections.reports.compute import Asked, Making
from projections.reports.filing import Filed
from projections.reports.imports import OpenImport, open_imports
from projections.reports.model import ACCEPTED, OPEN_IMPORTS, Report, narrowing
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
    """A report as it would be filed now, and the open imports that it would be filed over."""

    report: Report
    digest: str
    open_imports: list[OpenImport]


class Made(Struct, frozen=True):
    """A report that was computed, when that was done, and how each language draws it. `kept` are
    its tables as they were sent last: there may be fourteen thousand cells."""

    report: Report
    digest: str
    made_at: datetime
    names: Mapping[str, str]
    drawn: Mapping[Language, tuple[Drawn, ...]]
    kept: Kept


async def _made(state: State, report: Report, digest: str) -> Made:
    names = await state.read(cluster_names, Cut(report.period.to, report.known_at))
    tables = await asyncio.to_thread(
        lambda: {language: drawn(report, language, names) for language in LANGUAGES}
    )
    return Made(report, digest, datetime.now(UTC), names, tables, {})


async def preview(ask: Ask[ReportsQuery]) -> Sheet:
    """A report over any days at the page's position, before it is filed."""
    asked = ask.asked
    definition = _named(asked.report or "")
    start = day_of(asked.from_, "from") if asked.from_ else None
    end, position = day_of(asked.to or None, "to"), ask.cut.known_at
    parameters = _parameters(asked.cluster)
    whole = Asked(period_from=start, period_to=end, known_at=position, parameters=parameters)

    async def count(tally: Tally) -> tuple[Made, list[OpenImport]]:
        report = await refusing(ask.state.count(_computed, definition, whole, tally.tell))
        made = await _made(ask.state, report, report.digest)
        return made, await ask.state.read(open_imports, definition, whole)

    key = ("preview", definition.name, start, end, position, asked.cluster or None)
    background = ask.request.app[BACKGROUND]
    made, still_open = await background.of(ask, definition.title, key, count, at=position)
    report = made.report
    return Sheet(
        title=report.title,
        template="report.html",
        data=Preview(report, made.digest, still_open),
        report=report,
        content={
            "tables": made.drawn[ask.language],
            "kept": made.kept,
            "filed": None,
            "id": str(uuid4()),
            "names": made.names,
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


def _computed(engine: Together, report: ReportOf, asked: Asked, tell: Tell) -> Report:
    engine.tell, engine.hurried = tell, False
    within_ledger(engine, asked.period_to, asked.known_at, today=today())
    return Making(engine, asked).report(report)


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
        parameters=_parameters(given.get("cluster")) | _accepted(given),
    )
    done = await filed(ask.request, to_file)
    await ask.state.caught_up(done.receipt.position, 5.0)
    return Sent(f"/reports/{done.receipt.position}")


def _accepted(given: Mapping[str, str]) -> dict[str, str]:
    """What a box beside the list of open imports says."""
    return {OPEN_IMPORTS: ACCEPTED} if given.get(OPEN_IMPORTS) == ACCEPTED else {}


def _position(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 16 else None


class FiledPage(Struct, frozen=True):
    """A filing, and its report made again; `profile` tells whether small cells are withheld.

    `digest` is the one it had when it was made again, at `made_at`. Where it is not the filed one
    there is no report: what comes out otherwise is an alarm, never an answer.
    """

    filed: Filed
    profile: Profile
    report: Report | None
    digest: str
    made_at: datetime | None = None


class FiledQuery(PageQuery, frozen=True):
    """`since`: an instant before which the report must not have been made again."""

    since: str | None = None


async def single(ask: Ask[FiledQuery]) -> Sheet:
    """A filed report, made again from the facts known then and held against its digest."""
    position = path_value(ask.request, "position", Position)
    profile = profile_of(ask.request, None)
    upto = await known_at(ask.request, None, None)
    found = await ask.state.read(filing_of, position, upto)
    definition = report_of(found.report)
    content: dict[str, Any] = {
        "filed": found,
        "formats": _FORMATS,
        "meaning": definition.meaning,
        "now": datetime.now(UTC).isoformat(timespec="milliseconds"),
    }
    try:
        made = await _made_again(ask, found, profile)
    except Problem as problem:
        if not isinstance(problem.__cause__, ReportMismatch):
            raise
        data = FiledPage(found, profile, None, problem.__cause__.made)
    else:
        data = FiledPage(found, profile, made.report, made.digest, made.made_at)
        content["names"] = made.names
        content |= {"tables": made.drawn[ask.language], "kept": made.kept}
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


async def _made_again(ask: Ask[FiledQuery], found: Filed, profile: Profile) -> Made:
    """As it was made again last, after the instant that is asked for. Raises Problem: one that a
    ReportMismatch caused, where it is not the filed one."""

    async def count(tally: Tally) -> Made:
        upto = found.position
        report = await refusing(
            ask.state.read(report_at, found.position, upto, profile, tally.tell)
        )
        shown = await asyncio.to_thread(public, report) if profile == "public" else report
        return await _made(ask.state, shown, report.digest)

    background, key = ask.request.app[BACKGROUND], ("filed", found.position, profile)
    title = report_of(found.report).title
    since = _instant(ask.asked.since) if ask.asked.since else None
    made = await background.of(ask, title, key, count)
    if since is not None and made.made_at < since:
        background.forget(key)
        made = await background.of(ask, title, key, count)
    return made


def _instant(text: str) -> datetime:
    """An instant that is over. Raises Problem `invalid_parameter`."""
    with suppress(ValueError):
        instant = datetime.fromisoformat(text.replace(" ", "+"))
        if instant.tzinfo is not None and instant <= datetime.now(UTC):
            return instant
    raise Problem("invalid_parameter", f"since={text[:40]!r} is no instant that is over.")


def _comparable(conn: Connection[Any], found: Filed, upto: int) -> list[Filed]:
    """Later filings of the same report, period and parameters, newest first."""
    report = found.report.partition("@")[0]
    return [
        other
        for other in filing.filings(conn, upto=upto, report=report)
        if (other.period, narrowing(other.parameters))
        == (found.period, narrowing(found.parameters))
        and other.known_at >= found.known_at
        and other.position > found.position
    ]


ROUTES: Final = (
    page("/reports", shown, "Reports", scope=PUBLIC),
    page("/reports/preview", preview, "A report before it is filed", scope="figures:read",
         asked=ReportsQuery),
    form("/reports", file, "File a report", scope=FILE),
    page("/reports/{position:[^/.]+}", single, "A filed report", scope=PUBLIC,
         asked=FiledQuery),
)  # fmt: skip
