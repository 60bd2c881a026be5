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
from functools import partial
from typing import Final

from aiohttp import web
from msgspec import Struct

from api.contract import PUBLIC
from api.pages.once import Once
from api.pages.sheet import Ask, PageQuery, Sheet, opening, page
from api.requests import today
from api.routes.figures import READ
from api.routes.filing import refusing
from api.state import State
from api.web.behind import Behind
from api.web.language import LANGUAGES, Language
from api.web.tables import Drawn, drawn
from projections import progress
from projections.figures.catalogue import CATALOGUE, NUMBERS, Text
from projections.figures.overview import complete_years
from projections.figures.together import Together
from projections.reports.catalogue import REPORTS
from projections.reports.compute import compute_report
from projections.reports.model import Cell, Report
from projections.reports.public import public
from projections.views.base import Cut
from projections.views.names import cluster_names

SHARE_OF_TIME: Final = 0.1
"""At most this share of the time goes into counting for the first page, however busy it is."""
KEPT_MOST: Final = 64
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


class Counting:
    """Counts for the first page and keeps what it counted. Lives in the event loop."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._counted: Counted | None = None
        self._due_at = 0.0
        self._kept: Once[tuple[int, int], Counted] = Once(KEPT_MOST)

    async def latest(self, state: State) -> Counted:
        """What the read models know; under load it may be a few seconds old."""
        year = today().year
        async with self._lock:
            kept = self._counted
            if kept is not None and kept.year == year and time.monotonic() < self._due_at:
                return kept
            known_at = await state.read(progress.position)
            if kept is not None and (kept.known_at, kept.year) == (known_at, year):
                return kept
            began = time.monotonic()
            self._counted = await _count(state, known_at, year)
            ended = time.monotonic()
            self._due_at = ended + (ended - began) * (1 / SHARE_OF_TIME - 1)
            return self._counted

    async def at(self, state: State, cut: Cut) -> Counted:
        """As known at a position, over the years that are over by the end of a day."""
        year = cut.as_of.year if cut.as_of == date.max else (cut.as_of + timedelta(days=1)).year
        key = cut.known_at, year
        return await self._kept.of(key, partial(_count, state, *key))


async def _count(state: State, known_at: int, year: int) -> Counted:
    if not known_at:  # before the first fact there are no read models to ask
        return Counted(0, year, None, {})
    report = await state.count(_computed, known_at, date(year, 1, 1))
    if report is None:
        return Counted(known_at, year, None, {})
    shown_report = await asyncio.to_thread(public, report)
    names = await state.read(cluster_names, Cut(report.period.to, known_at))
    tables = {one: drawn(shown_report, one, names) for one in LANGUAGES}
    return Counted(known_at, year, shown_report, tables)


def _computed(engine: Together, known_at: int, day: date) -> Report | None:
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
    counting = ask.request.app[COUNTING]
    chosen = ask.asked.as_of is not None or ask.asked.known_at is not None
    may = ask.authority.has(READ)
    counted = await refusing(
        counting.at(ask.state, ask.cut) if chosen and may else counting.latest(ask.state)
    )
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
