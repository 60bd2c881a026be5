"""What moved a filed report: until a position, or until a later filing of it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from msgspec import Struct

from api.contract import path_value
from api.pages.background import BACKGROUND, Tally
from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.problems import Problem
from api.requests import known_at
from api.routes.filing import filing_of, refusing
from api.routes.restatements import restated
from api.routes.trail import limited_to
from api.routes.trail_shapes import Position
from api.web.behind import Behind
from api.web.frame import Kept
from api.web.language import Language, day, said
from api.web.tables import Names, key_name
from projections.figures.catalogue import CATALOGUE, Definition, Text
from projections.reports.catalogue import report_of
from projections.reports.compute import KEYS, PARTS
from projections.reports.explaining import Restatement
from projections.reports.filing import Filed
from projections.reports.model import Report, Span
from projections.reports.restated import as_report
from projections.reports.restatement import Cell, Difference, Moved
from projections.views.base import Cut
from projections.views.names import cluster_names

_TITLE: Final = Text("Was sich seither geändert hat", "What has changed since")
_BETWEEN: Final = Text("Was sich dazwischen geändert hat", "What changed in between")
_VIEWS: Final = {
    "participating": Text("Sicht „beteiligt“", "participating view"),
    "lead": Text("Sicht „federführend“", "lead view"),
}
_TOTAL: Final = Text("insgesamt", "total")
_OPEN: Final = Text("seit Beginn des Programms", "since the programme's start")
_OF: Final = {
    "members": Text("der Mitglieder", "of members"),
    "involved": Text("der Beteiligten", "of the involved"),
    "participations": Text("der Teilnahmen", "of participations"),
}


class RestatementPage(Struct, frozen=True):
    """What moved a filing; `later` is the filing it is compared with, null: none, a position."""

    filed: Filed
    later: Filed | None
    restatement: Restatement


class Found(Struct, frozen=True):
    """A restatement, as a report for its CSV, and what its page is drawn of."""

    moved: Restatement
    report: Report
    names: Names
    kept: Kept


class NamedCell(Struct, frozen=True):
    """A cell in words: which figure, which row of which table, over which days."""

    figure: str
    title: str
    row: str
    days: str
    period: Span


class Naming:
    """What cells are called in a language; `names` are the clusters'."""

    def __init__(self, language: Language, names: Names) -> None:
        self._language = language
        self._names = names

    def cell(self, cell: Cell) -> NamedCell:
        """One cell, told apart from every other of its report."""
        language = self._language
        title = said(CATALOGUE[cell.figure].title, language)
        if cell.part != "value":
            title = f"{title}: {said(PARTS[cell.part], language)}"
        of = cell.parameters.get("of")
        if of is not None:
            title = f"{title} ({said(_OF[of], language)})"
        return NamedCell(cell.figure, title, self._row(cell), self._days(cell), cell.period)

    def differences(self, found: Iterable[Difference]) -> dict[NamedCell, Difference]:
        """By name: the total of a table by years is the figure's own, and stands once."""
        return {self.cell(one.cell): one for one in found}

    def moves(self, moved: Iterable[Moved], period: Span) -> dict[str, list[tuple[str, int]]]:
        """By figure: each row with by how much it moved; with its days where they are not the
        report's."""
        found: defaultdict[str, list[tuple[str, int]]] = defaultdict(list)
        for named, by in {self.cell(one.cell): one.by for one in moved}.items():
            days = "" if named.period == period else f" ({named.days})"
            found[named.title].append((f"{named.row}{days}", by))
        return found

    def _row(self, cell: Cell) -> str:
        parts = [said(_TOTAL, self._language)]
        if cell.by and cell.key:
            name = key_name(cell.by, cell.key, self._language, self._names)
            parts = [f"{said(KEYS[cell.by], self._language)}: {name}"]
        if cell.view:
            parts.append(said(_VIEWS[cell.view], self._language))
        if "cluster" in cell.parameters:
            code = cell.parameters["cluster"]
            parts.append(f"Cluster: {self._names.get(code, code)}")
        return ", ".join(parts)

    def _days(self, cell: Cell) -> str:
        begin = cell.period.from_
        first = said(_OPEN, self._language) if begin is None else day(begin, self._language)
        return f"{first} – {day(cell.period.to, self._language)}"


def facts_behind(cell: Cell, known_at: int, figures: Mapping[str, Definition]) -> Behind:
    """The facts behind a cell as known at a position, by the figure's definition there."""
    given = {
        "from": None if cell.period.from_ is None else cell.period.from_.isoformat(),
        "to": cell.period.to.isoformat(),
        "known_at": str(known_at),
        "view": cell.view,
        **({"by": cell.by, "key": cell.key} if cell.key else {}),
        **cell.parameters,
    }
    return Behind(
        f"/figures/{figures[cell.figure].name}/facts",
        {name: text for name, text in given.items() if text},
    )


async def until_position(ask: Ask[PageQuery]) -> Sheet:
    """A filing against the facts known at the page's position: what moved, because of which."""
    return await _restatement(ask, None)


async def until_filing(ask: Ask[PageQuery]) -> Sheet:
    """A filing against a later one of the same report and period."""
    return await _restatement(ask, path_value(ask.request, "after", Position))


async def _restatement(ask: Ask[PageQuery], after: int | None) -> Sheet:
    if limited_to(ask.authority) is not None:
        raise Problem(
            "cluster_not_covered", "A restatement needs a key that may read of every cluster."
        )
    position = path_value(ask.request, "position", Position)
    upto = ask.cut.known_at if after is None else await known_at(ask.request, None, None)
    found = await ask.state.read(filing_of, position, upto)
    later = None if after is None else await ask.state.read(filing_of, after, upto)

    figures = CATALOGUE if later is None else later.asked.figures

    async def count(tally: Tally) -> Found:
        moved = await refusing(ask.state.count(restated, position, after, upto, tell=tally.tell))
        report = as_report(moved, origin=ask.state.ledger.book.origin, figures=figures)
        names = await ask.state.read(cluster_names, Cut(found.period.to, moved.after.known_at))
        return Found(moved, report, names, {})

    title = _TITLE if later is None else _BETWEEN
    key = ("restatement", position, after, upto if later is None else None)
    background = ask.request.app[BACKGROUND]
    counted = await background.of(ask, title, key, count, at=upto if later is None else None)
    moved = counted.moved
    naming = Naming(ask.language, counted.names)
    return Sheet(
        title=title,
        template="restatement.html",
        data=RestatementPage(found, later, moved),
        report=counted.report,
        content={
            "title": report_of(found.report).title,
            "kept": counted.kept,
            "differences_of": naming.differences,
            "before": partial(
                facts_behind, known_at=moved.before.known_at, figures=found.asked.figures
            ),
            "after": partial(facts_behind, known_at=moved.after.known_at, figures=figures),
            "moves_of": partial(naming.moves, period=moved.period),
        },
        known_at=None if later is None else later.known_at,
    )


ROUTES: Final = (
    page("/reports/{position:[^/.]+}/restatement", until_position, "What moved a filed report",
         scope="trail:read"),
    page("/reports/{position:[^/.]+}/restatement/{after:[^/.]+}", until_filing,
         "What moved a report between two filings", scope="trail:read"),
)  # fmt: skip
