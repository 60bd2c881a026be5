"""The first page: the headline of the programme over its complete years, for everybody.

It is a report like any other (`overview`), in its public version: counted once for all readers, and
anew when the ledger has moved, within a share of the time. Whoever may read figures may ask for it
as it was known earlier and for the years before another day; that is counted once and kept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from aiohttp import web
from msgspec import Struct

from api.contract import PUBLIC
from api.pages.background import BACKGROUND, Tally
from api.pages.sheet import HTML, Ask, PageQuery, Sheet, opening, page
from api.requests import prefers_to_wait_s, today
from api.routes.figures import READ
from api.routes.filing import refusing
from api.state import State
from api.web.behind import Behind
from api.web.frame import Kept
from api.web.language import LANGUAGES, Language
from api.web.tables import Drawn, drawn
from projections import progress
from projections.figures.catalogue import CATALOGUE, NUMBERS, Text
from projections.figures.overview import complete_years
from projections.figures.together import Tell, Together, silent
from projections.reports.catalogue import REPORTS
from projections.reports.compute import compute_report
from projections.reports.model import Cell, Report
from projections.reports.public import public
from projections.views.base import Cut
from projections.views.names import cluster_names

SHARE_OF_TIME: Final = 0.1
"""At most this share of the time goes into counting for the first page, however busy it is."""
STALE_S: Final = 30.0
PATIENCE_S: Final = 0.08
_REPORT: Final = "overview"


class Headline(Struct, frozen=True):
    """One number over the whole period, with what it means."""

    definition: str
    value: str
    title: Text
    meaning: Text
    behind: Behind | None


class Share(Struct, frozen=True):
    """A share on the last day: in percent of what is known, and how much is not."""

    definition: str
    title: Text
    meaning: Text
    numerator: int
    denominator: int
    unknown: int
    behind: Behind | None


class Counted(Struct, frozen=True):
    """What was counted at a position over the years before `year`, and drawn in each language. No
    report: no year is over."""

    known_at: int
    year: int
    report: Report | None
    drawn: Mapping[Language, tuple[Drawn, ...]]
    kept: Kept


class Counting:
    """Counts for the first page and keeps what it counted. Lives in the event loop."""

    def __init__(self) -> None:
        self._counted: Counted | None = None
        self._counted_at = 0.0
        self._due_at = 0.0
        self._counting: asyncio.Task[Counted] | None = None

    async def latest(self, state: State, patience_s: float | None) -> Counted:
        """What the read models know; under load it may be a few seconds old.

        Whoever finds it being counted anew waits so long, then gets what was counted last, unless
        that is older than STALE_S; None waits to the end.
        """
        year, kept = today().year, self._counted
        if kept is not None and kept.year == year and time.monotonic() < self._due_at:
            return kept
        if self._counting is None or self._counting.done():
            self._counting = asyncio.ensure_future(self._count(state, kept, year))
        is_young = time.monotonic() - self._counted_at < STALE_S
        if kept is None or kept.year != year or not is_young:
            patience_s = None
        done, _ = await asyncio.wait({counting := self._counting}, timeout=patience_s)
        if not done and kept is not None:
            return kept
        return counting.result()

    async def _count(self, state: State, kept: Counted | None, year: int) -> Counted:
        known_at = await state.read(progress.position)
        if kept is not None and (kept.known_at, kept.year) == (known_at, year):
            self._counted_at = time.monotonic()
            return kept
        began = time.monotonic()
        self._counted = await _count(state, known_at, year)
        ended = self._counted_at = time.monotonic()
        self._due_at = ended + (ended - began) * (1 / SHARE_OF_TIME - 1)
        return self._counted


async def _latest(ask: Ask[PageQuery]) -> Counted:
    waits = ask.media != HTML
    patience_s = None if waits else max(PATIENCE_S, prefers_to_wait_s(ask.request))
    return await refusing(ask.request.app[COUNTING].latest(ask.state, patience_s))


async def _at(ask: Ask[PageQuery]) -> Counted:
    """As known at a position, over the years that are over by the end of a day."""
    as_of, known_at = ask.cut.as_of, ask.cut.known_at
    year = as_of.year if as_of == date.max else (as_of + timedelta(days=1)).year

    async def count(tally: Tally) -> Counted:
        return await refusing(_count(ask.state, known_at, year, tally.tell))

    background, key = ask.request.app[BACKGROUND], ("overview", known_at, year)
    return await background.of(ask, REPORTS[_REPORT].title, key, count, at=known_at)


async def _count(state: State, known_at: int, year: int, tell: Tell = silent) -> Counted:
    if not known_at:  # before the first fact there are no read models to ask
        return Counted(0, year, None, {}, {})
    report = await state.count(_computed, known_at, date(year, 1, 1), tell)
    if report is None:
        return Counted(known_at, year, None, {}, {})
    shown_report = await asyncio.to_thread(public, report)
    names = await state.read(cluster_names, Cut(report.period.to, known_at))
    tables = await asyncio.to_thread(
        lambda: {language: drawn(shown_report, language, names) for language in LANGUAGES}
    )
    return Counted(known_at, year, shown_report, tables, {})


def _computed(engine: Together, known_at: int, day: date, tell: Tell) -> Report | None:
    engine.tell = tell
    years = complete_years(engine, known_at=known_at, today=day)
    if years is None:
        return None
    return compute_report(
        engine,
        REPORTS[_REPORT],
        period_from=years.from_day,
        period_to=years.to_day,
        known_at=known_at,
        parameters={},
    )


COUNTING: Final = web.AppKey("counting", Counting)


class Overview(Struct, frozen=True):
    """The public version of the overview report; null: no year is over, or no fact is there."""

    position: int
    behind: int
    report: Report | None


async def shown(ask: Ask[PageQuery]) -> Sheet:
    """The programme in figures: whole years, small cells withheld, totals exact."""
    chosen = ask.asked.as_of is not None or ask.asked.known_at is not None
    may = ask.authority.has(READ)
    counted = await (_at(ask) if chosen and may else _latest(ask))
    report = counted.report
    head = (await ask.state.book(ask.state.ledger.book.head)).position
    tables = counted.drawn.get(ask.language, ())
    return Sheet(
        title=REPORTS[_REPORT].title,
        template="overview.html",
        data=Overview(counted.known_at, max(head - counted.known_at, 0), report),
        report=report,
        content={
            "headline": _headline(report, tables),
            "shares": _shares(report, tables),
            "tables": tables[1:],
            "kept": counted.kept,
            "origin": ask.state.ledger.book.origin,
            "may_choose": may,
            "not_heeded": chosen and not may,
        },
        known_at=counted.known_at,
    )


def _headline(report: Report | None, tables: tuple[Drawn, ...]) -> tuple[Headline, ...]:
    if report is None:
        return ()
    found = []
    for column, cell in zip(report.tables[0].columns, tables[0].rows[0], strict=True):
        if column.definition is not None:
            figure = CATALOGUE[column.definition.partition("@")[0]]
            name = column.definition
            found.append(Headline(name, cell.text, figure.title, figure.meaning, cell.behind))
    return tuple(found)


def _shares(report: Report | None, tables: tuple[Drawn, ...]) -> tuple[Share, ...]:
    """The shares of the report's one-line tables; one with a withheld number is left to the table,
    as percent would give it away."""
    found = []
    for table, drawing in zip(() if report is None else report.tables, tables, strict=True):
        numbers: dict[str, dict[str, Cell]] = {}
        behind: dict[str, Behind | None] = {}
        one_line = table.columns[0].kind != "key"
        for at, column in enumerate(table.columns if one_line else ()):
            figure = "" if column.definition is None else column.definition.partition("@")[0]
            if figure and CATALOGUE[figure].measure == "share":
                part = column.id.rpartition(".")[2]
                numbers.setdefault(column.definition or "", {})[part] = table.rows[0][at]
                behind[column.definition or ""] = drawing.rows[0][at].behind
        for definition, parts in numbers.items():
            whole = {part: cell for part, cell in parts.items() if isinstance(cell, int)}
            if whole.keys() == set(NUMBERS["share"]):
                figure_of = CATALOGUE[definition.partition("@")[0]]
                told = (definition, figure_of.title, figure_of.meaning)
                found.append(Share(*told, *_parts(whole), behind[definition]))
    return tuple(found)


def _parts(whole: Mapping[str, int]) -> tuple[int, int, int]:
    return whole["numerator"], whole["denominator"], whole["unknown"]


ROUTES: Final = (
    page("", shown, "The programme in figures", scope=PUBLIC),
    page("/overview", shown, "The programme in figures", scope=PUBLIC),
    opening("/", shown, "The programme in figures", scope=PUBLIC),
)
