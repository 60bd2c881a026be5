"""A cluster over the years: members, how their stock moved, participations. Counted once, kept."""

from __future__ import annotations

from functools import partial
from typing import Final

from aiohttp import web
from msgspec import Struct
from msgspec.structs import replace

from api.pages.once import Once
from api.state import State
from api.web.behind import Origin
from api.web.frame import Kept
from api.web.language import LANGUAGES, Language
from api.web.tables import Drawn, drawn_table
from projections.figures.catalogue import CATALOGUE, Text
from projections.figures.refusals import FigureRefusal
from projections.figures.together import Together
from projections.reports.catalogue import ColumnOf, TableOf
from projections.reports.compute import Asked, Making, asked_together, of_period
from projections.reports.model import Span, Table
from projections.views.base import Cut

KEPT_MOST: Final = 256
_STOCK: Final = TableOf(
    id="stock",
    title=Text("Mitglieder nach Jahren", "Members by year"),
    by="year",
    chart="line",
    columns=(
        ColumnOf(
            figure="members",
            id="opening",
            when="before",
            title=Text("Bestand am Anfang", "Opening stock"),
        ),
        ColumnOf(figure="joins"),
        ColumnOf(figure="rejoins"),
        ColumnOf(figure="leavers"),
        ColumnOf(figure="mergers_in_stock"),
        ColumnOf(
            figure="members",
            id="closing",
            title=Text("Mitglieder am 31. Dezember", "Members on 31 December"),
        ),
    ),
    note=Text(
        "Bestand am Anfang + Beitritte + Wiedereintritte - Austritte - Zusammenschlüsse = Bestand"
        " am Ende. Das letzte Jahr reicht bis zu dem Tag, an dem die Seite gültig ist.",
        "Opening stock + joins + rejoins - leavers - mergers = closing stock. The last year reaches"
        " to the day on which the page is valid.",
    ),
)
_PARTICIPATIONS: Final = TableOf(
    id="participations",
    title=Text("Teilnahmen nach Jahren", "Participations by year"),
    by="year",
    chart="line",
    columns=(ColumnOf(figure="participations"),),
)


class Years(Struct, frozen=True):
    """The tables, and how each language draws them. No tables: there are no years to show."""

    tables: tuple[Table, ...]
    drawn: dict[Language, tuple[Drawn, ...]]
    kept: Kept


class ClusterYears:
    """Counts a cluster's years and keeps the latest asked. Lives in the event loop.

    At one position, cluster and day the numbers are the same for ever.
    """

    def __init__(self) -> None:
        self._kept: Once[tuple[Cut, str], Years] = Once(KEPT_MOST)

    async def of(self, state: State, cut: Cut, cluster: str) -> Years:
        """The years up to the day. Raises Problem `unavailable`."""
        return await self._kept.of((cut, cluster), partial(state.count, _counted, cut, cluster))


CLUSTER_YEARS: Final = web.AppKey("cluster_years", ClusterYears)


def _counted(engine: Together, cut: Cut, cluster: str) -> Years:
    asked = Asked(
        period_from=None,
        period_to=cut.as_of,
        known_at=cut.known_at,
        parameters={"cluster": cluster},
        figures=CATALOGUE,
    )
    try:
        asked_together(
            engine,
            (
                (of_period(table, column, asked), CATALOGUE[str(column.figure)], cut.known_at)
                for table in (_STOCK, _PARTICIPATIONS)
                for column in table.columns
            ),
        )
        making = Making(engine, asked)
        found = [_begun(making.table(table)) for table in (_STOCK, _PARTICIPATIONS)]
    except FigureRefusal:  # more years than anyone asks for: a day far off, or a mistaken one
        found = []
    tables = tuple(table for table in found if table.rows)
    origins = {
        spec.id: Origin(spec, Span(from_=None, to=cut.as_of), cut.known_at, {"cluster": cluster})
        for spec in (_STOCK, _PARTICIPATIONS)
    }
    draw = {
        language: tuple(drawn_table(table, language, {}, origins[table.id]) for table in tables)
        for language in LANGUAGES
    }
    return Years(tables, draw, {})


def _begun(table: Table) -> Table:
    """Without the years before the cluster's first number."""
    first = next((i for i, row in enumerate(table.rows) if any(row[1:])), len(table.rows))
    return replace(table, rows=table.rows[first:])
