"""A report as XLSX: the manifest and the method on the first sheet, then a sheet per table.

Numbers are numbers, money in euros, days are dates; texts are written as texts, so that none ever
is a formula. The book says it was made on the last day of the report's period, so that its bytes
depend on the report alone.
"""

from __future__ import annotations

import io
from datetime import date, datetime, time
from typing import Any, Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from projections.reports.model import Cell, Column, Report, Table
from projections.reports.outputs import manifest
from projections.reports.outputs.words import (
    NOT_APPLICABLE,
    WITHHELD,
    Words,
    empty,
    is_public,
    of,
    shown,
)

_CELL_CHARACTERS_MAX: Final = 32_767
"""What a cell holds; xlsxwriter leaves longer texts out."""

_FORMATS: Final[dict[str, dict[str, Any]]] = {
    "title": {"bold": True, "font_size": 14},
    "head": {"bold": True, "text_wrap": True, "bottom": 1, "valign": "top"},
    "wrapped": {"text_wrap": True, "valign": "top"},
    "text": {"valign": "top"},
    "key": {"valign": "top", "num_format": "0", "align": "left"},
    "count": {"num_format": "#,##0", "align": "right"},
    "position": {"num_format": "0", "align": "right"},
    "cents": {"num_format": "#,##0.00", "align": "right"},
    "day": {"num_format": "yyyy-mm-dd", "align": "right"},
    "none": {"align": "right"},
}


def render(report: Report, words: Words) -> bytes:
    """The whole book. Rows are written in order and kept in no memory."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True})
    book.set_properties(
        {
            "title": of(report.title, words),
            "subject": manifest.citation(report, words),
            "author": report.origin,
            "created": datetime.combine(report.period.to, time()),
        }
    )
    formats = {name: book.add_format(given) for name, given in _FORMATS.items()}
    totals = {
        name: book.add_format({**given, "bold": True, "top": 1}) for name, given in _FORMATS.items()
    }
    _cover(book.add_worksheet(words.manifest), report, words, formats)
    for number, table in enumerate(report.tables, 1):
        sheet = book.add_worksheet(f"{words.table} {number}")
        _table(sheet, report, table, words, formats, totals)
    book.close()
    return out.getvalue()


def _cover(sheet: Worksheet, report: Report, words: Words, formats: dict[str, Format]) -> None:
    rows: list[tuple[str, str, str]] = [("title", of(report.title, words), "")]
    rows += [("wrapped", "", text) for text in (of(report.meaning, words),)]
    rows += [("wrapped", "", note) for note in manifest.notes(report, words)]
    rows += [
        ("wrapped", line.label, line.shown or line.value) for line in manifest.lines(report, words)
    ]
    rows.append(("wrapped", words.citing, manifest.citation(report, words)))
    rows.append(("wrapped", words.recompute_title, manifest.recompute(report, words)))
    rows.append(("title", words.contents, ""))
    rows += [
        ("wrapped", f"{words.table} {number}", of(table.title, words))
        for number, table in enumerate(report.tables, 1)
    ]
    rows.append(("title", words.symbols, ""))
    if is_public(report):
        rows.append(("wrapped", WITHHELD, words.withheld))
    rows.append(("wrapped", NOT_APPLICABLE, words.not_applicable))
    rows.append(("title", words.method, ""))
    rows += _method(report, words)
    sheet.set_column(0, 0, 34)
    sheet.set_column(1, 1, 110)
    for number, (style, label, value) in enumerate(rows):
        _text(sheet, number, 0, label, formats[style])
        if value:
            _text(sheet, number, 1, value, formats[style])


def _method(report: Report, words: Words) -> list[tuple[str, str, str]]:
    rows: list[tuple[str, str, str]] = []
    for used in report.definitions:
        found = manifest.definition(used)
        if found is None:
            rows += [("head", used.definition, words.not_at_hand)]
            continue
        rows += [
            ("head", found.name, of(found.title, words)),
            ("wrapped", words.unit, of(found.unit, words)),
            ("wrapped", words.meaning, of(found.meaning, words)),
            ("wrapped", words.counting_rule, of(found.counting_rule, words)),
        ]
    return rows


def _table(
    sheet: Worksheet,
    report: Report,
    table: Table,
    words: Words,
    formats: dict[str, Format],
    totals: dict[str, Format],
) -> None:
    """Title, state, unit, note; then the header, from where the sheet scrolls; then the rows."""
    for index, column in enumerate(table.columns):
        sheet.set_column(index, index, _width(table, index, of(column.title, words)))
    above = [of(table.title, words), manifest.state(report, words), _units(table, words)]
    above += [of(table.note, words)] if table.note else []
    for number, text in enumerate(above):
        _text(sheet, number, 0, text, formats["title" if number == 0 else "text"])
    header = len(above) + 1
    sheet.freeze_panes(header + 1, sum(column.kind == "key" for column in table.columns))
    for index, column in enumerate(table.columns):
        _text(sheet, header, index, _heading(column, words), formats["head"])
    for number, row in enumerate(table.rows, header + 1):
        _row(sheet, words, number, table, row, formats, empty(report, in_total=False))
    symbol = empty(report, in_total=True)
    last = header + 1 + len(table.rows)
    for number, cells in enumerate(manifest.closing(table, words), last):
        _row(sheet, words, number, table, cells, totals, symbol)


def _heading(column: Column, words: Words) -> str:
    title = of(column.title, words)
    return f"{title} ({words.euro})" if column.kind == "cents" else title


def _units(table: Table, words: Words) -> str:
    """By which definitions the table's columns are counted."""
    found = dict.fromkeys(c.definition for c in table.columns if c.definition)
    return f"{words.columns}: {', '.join(str(name) for name in found)}" if found else ""


def _row(
    sheet: Worksheet,
    words: Words,
    number: int,
    table: Table,
    row: tuple[Cell, ...],
    formats: dict[str, Format],
    symbol: str,
) -> None:
    for index, (column, cell) in enumerate(zip(table.columns, row, strict=True)):
        style = formats[column.kind]
        if cell is None:
            if column.kind not in ("key", "text"):
                sheet.write_string(number, index, symbol, formats["none"])
        elif isinstance(cell, int):
            sheet.write_number(number, index, cell / 100 if column.kind == "cents" else cell, style)
        elif column.kind == "day":
            sheet.write_datetime(number, index, date.fromisoformat(cell), style)
        else:
            _text(sheet, number, index, shown(cell, column, words), style)


def _text(sheet: Worksheet, row: int, column: int, text: str, style: Format) -> None:
    sheet.write_string(row, column, text[:_CELL_CHARACTERS_MAX], style)


def _width(table: Table, index: int, title: str) -> float:
    """In characters: as wide as the widest cell, within what a screen shows."""
    longest = max((len(str(row[index])) for row in table.rows if row[index] is not None), default=0)
    return float(min(max(longest + 4, min(len(title), 18), 10), 60))
