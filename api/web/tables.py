"""A report's tables for a page: cells as text in the reader's language, and a chart beside."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

from msgspec import Struct

from api.web.behind import Behind, Origin, of_cell, origin
from api.web.charts import WITHHELD
from api.web.drawings import Chart, charts_of
from api.web.language import Language, day, money, number, said
from api.web.words import CODES
from projections.reports.catalogue import REPORTS, report_of, tables_of
from projections.reports.model import Cell, Column, Report, Table
from projections.reports.outputs.codes import NAMES
from projections.reports.outputs.words import WORDS

_NUMERIC: Final = frozenset({"count", "cents", "position"})

Names = Mapping[str, str]
"""What clusters are called, by code."""


class DrawnColumn(Struct, frozen=True):
    """A column's head; `definition` leads to the method page."""

    title: str
    numeric: bool
    definition: str | None


class DrawnCell(Struct, frozen=True):
    """A cell as text, and where the facts behind it are listed, for whoever may read them."""

    text: str
    behind: Behind | None = None


class Drawn(Struct, frozen=True):
    """A table as its template shows it: every cell as text, the first of a row its head. `part` is
    the report that it was taken over from. `foot` are
    the lines below: by cluster the adjustment, which makes the sum of the rows the total; the
    total."""

    id: str
    title: str
    note: str | None
    columns: tuple[DrawnColumn, ...]
    rows: tuple[tuple[DrawnCell, ...], ...]
    foot: tuple[tuple[DrawnCell, ...], ...]
    withheld: bool
    charts: tuple[Chart, ...]
    part: str | None = None


def drawn(report: Report, language: Language, names: Names) -> tuple[Drawn, ...]:
    """All tables of a report."""
    specs = {table.id: table for table in tables_of(report_of(report.report))}
    return tuple(
        drawn_table(table, language, names, origin(report, specs[table.id]))
        for table in report.tables
    )


def drawn_table(table: Table, language: Language, names: Names, origin: Origin) -> Drawn:
    """One table."""
    words = WORDS[language]
    numbered = table.rows and table.columns[0].kind in _NUMERIC

    def line(cells: tuple[Cell, ...], key: Cell, *, counted: bool = True) -> tuple[DrawnCell, ...]:
        return tuple(
            DrawnCell(
                _text(cell, column, language, names),
                of_cell(origin, table, index, key) if counted and isinstance(cell, int) else None,
            )
            for index, (cell, column) in enumerate(zip(cells, table.columns, strict=True))
        )

    def foot(label: str, cells: tuple[Cell, ...], *, counted: bool) -> tuple[DrawnCell, ...]:
        told = line(cells, None, counted=counted)
        shown = (DrawnCell("–") if cell.text == WITHHELD else cell for cell in told[1:])
        return (DrawnCell(label), *shown)

    feet = []
    if table.adjustment is not None:
        feet.append(foot(words.adjustment, table.adjustment, counted=False))
    if table.total is not None:
        feet.append(foot(words.total, table.total, counted=True))
    return Drawn(
        table.id,
        said(table.title, language),
        None if table.note is None else said(table.note, language),
        tuple(
            DrawnColumn(said(c.title, language), c.kind in _NUMERIC, c.definition)
            for c in table.columns
        ),
        tuple(line(row, None if numbered else row[0]) for row in table.rows),
        tuple(feet),
        any(cell is None for row in table.rows for cell in row),
        charts_of(table, origin, language, _labels(table, language, names)),
        _part(table, language),
    )


def _part(table: Table, language: Language) -> str | None:
    """A table that was taken over has the other report's id before its own."""
    other = table.id.rpartition(".")[0]
    return said(REPORTS[other].title, language) if other else None


def _labels(table: Table, language: Language, names: Names) -> tuple[str, ...]:
    """What the rows are called."""
    return tuple(_text(row[0], table.columns[0], language, names) for row in table.rows)


def _text(cell: Cell, column: Column, language: Language, names: Names) -> str:
    if cell is None:
        return WITHHELD if column.kind in _NUMERIC else "–"
    if isinstance(cell, int):
        return money(cell, language) if column.kind == "cents" else number(cell, language)
    if column.kind == "day":
        return day(date.fromisoformat(cell), language)
    return key_name(column.id, cell, language, names) if column.kind == "key" else cell


def key_name(key: str, code: str, language: Language, names: Names) -> str:
    """What a row is called: `key` says what its code is one of."""
    if key == "cluster":
        return names.get(code, code)
    found = NAMES.get(key, {}).get(code) or CODES.get(code)
    return code if found is None else said(found, language)
