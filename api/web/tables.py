"""A report's tables for a page: cells as text in the reader's language, and a chart beside."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import Final

from markupsafe import Markup
from msgspec import Struct

from api.web import charts
from api.web.charts import WITHHELD, Bar
from api.web.language import Language, day, money, number, said
from api.web.words import CODES
from projections.reports.model import Cell, Column, Report, Table

_NUMERIC: Final = frozenset({"count", "cents", "position"})
_COLUMNS_MOST: Final = 40


class DrawnColumn(Struct, frozen=True):
    """A column's head; `definition` leads to the method page."""

    title: str
    numeric: bool
    definition: str | None


class Chart(Struct, frozen=True):
    """One drawing, and the words under it."""

    title: str
    svg: Markup


class Drawn(Struct, frozen=True):
    """A table as its template shows it: every cell as text, the first of a row its head."""

    id: str
    title: str
    note: str | None
    columns: tuple[DrawnColumn, ...]
    rows: tuple[tuple[str, ...], ...]
    total: tuple[str, ...] | None
    withheld: bool
    charts: tuple[Chart, ...]


def drawn(report: Report, language: Language) -> tuple[Drawn, ...]:
    """All tables of a report."""
    return tuple(drawn_table(table, language) for table in report.tables)


def drawn_table(table: Table, language: Language, charted: Collection[str] | None = None) -> Drawn:
    """One table. `charted` are the columns that get a chart; None: all counts."""

    def line(cells: tuple[Cell, ...]) -> tuple[str, ...]:
        pairs = zip(cells, table.columns, strict=True)
        return tuple(_text(cell, column, language) for cell, column in pairs)

    return Drawn(
        table.id,
        said(table.title, language),
        None if table.note is None else said(table.note, language),
        tuple(
            DrawnColumn(said(c.title, language), c.kind in _NUMERIC, c.definition)
            for c in table.columns
        ),
        tuple(line(row) for row in table.rows),
        None if table.total is None else line(table.total),
        any(cell is None for row in table.rows for cell in row),
        _charts(table, language, charted),
    )


def _text(cell: Cell, column: Column, language: Language) -> str:
    if cell is None:
        return WITHHELD if column.kind in _NUMERIC else "–"
    if isinstance(cell, int):
        return money(cell, language) if column.kind == "cents" else number(cell, language)
    if column.kind == "day":
        return day(date.fromisoformat(cell), language)
    if column.kind == "key" and cell in CODES:
        return said(CODES[cell], language)
    return cell


def _charts(table: Table, language: Language, charted: Collection[str] | None) -> tuple[Chart, ...]:
    """One chart a column of counts: by years side by side, by anything else below each other."""
    keys = [i for i, column in enumerate(table.columns) if column.kind == "key"]
    if table.chart is None or not keys or not 1 < len(table.rows) <= _COLUMNS_MOST:
        return ()
    draw = charts.column_chart if table.chart == "line" else charts.bar_chart
    found = []
    for index, column in enumerate(table.columns):
        if column.kind != "count" or (charted is not None and column.id not in charted):
            continue
        bars = [
            Bar(_text(row[keys[0]], table.columns[keys[0]], language), _count(row[index]))
            for row in table.rows
        ]
        title = said(column.title, language)
        svg = draw(
            bars,
            chart_id=f"{table.id}-{column.id}",
            title=f"{title}: {said(table.title, language)}",
            language=language,
        )
        found.append(Chart(title, svg))
    return tuple(found)


def _count(cell: Cell) -> int | None:
    return cell if isinstance(cell, int) and cell >= 0 else None
