"""A report as CSV: one plain long table, so that any program loads it in one line.

One line per value. The columns, in this order:

- `table`, `table_title`: which table of the report; `manifest` holds what the report rests on.
- `row`: its number in the table from 1, or `total`, or `adjustment` (total minus sum of the rows).
- `key_<id>`: one column for every key of the report (a year, a cluster …), empty where a table
  does not have it.
- `column`, `column_title`, `definition`: which column; the id@version its values are counted by.
- `unit`: `count`, `cents`, `EUR`, `position`, `day` or `text`.
- `value`: numbers only; `text`: days and texts only. So `value` is a numeric column.
- `status`: empty, or `none` where the report has no value: withheld or not applicable.

Two dialects. RFC 4180: comma, CRLF, UTF-8 without a byte order mark, money in integer cents.
German: semicolon, CRLF, UTF-8 with a byte order mark, money in euros with a decimal comma (unit
EUR). A text that a spreadsheet would take for a formula is preceded by an apostrophe; numbers never
are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

import msgspec

from projections.reports.model import Cell, Column, Report, Table
from projections.reports.outputs import manifest
from projections.reports.outputs.words import Words, of

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What spreadsheets start a formula with, also in full width, after what they skip."""


class Dialect(msgspec.Struct, frozen=True):
    """How a file is written; `decimal` none: money stays in cents."""

    delimiter: str
    mark: bytes
    decimal: str | None


RFC_4180 = Dialect(",", b"", None)
GERMAN = Dialect(";", b"\xef\xbb\xbf", ",")


def defused(text: str) -> str:
    """The text so that no spreadsheet computes it."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def render(report: Report, words: Words, dialect: Dialect) -> bytes:
    """The whole report in one file, the manifest's lines first."""
    keys = list(
        dict.fromkeys(c.id for table in report.tables for c in table.columns if c.kind == "key")
    )
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=dialect.delimiter, lineterminator="\r\n")
    writer.writerow(_header(keys))
    for line in _manifest(report, words, len(keys)):
        writer.writerow(line)
    for table in report.tables:
        for line in _table(table, keys, words, dialect):
            writer.writerow(line)
    return dialect.mark + out.getvalue().encode()


def _header(keys: list[str]) -> list[str]:
    named = [f"key_{key}" for key in keys]
    after = ["column", "column_title", "definition", "unit", "value", "text", "status"]
    return ["table", "table_title", "row", *named, *after]


def _manifest(report: Report, words: Words, keys: int) -> Iterator[list[str]]:
    for number, line in enumerate(manifest.lines(report, words), 1):
        yield [
            *("manifest", words.manifest, str(number), *[""] * keys),
            *(defused(line.name), defused(line.label), "", "text", "", defused(line.value), ""),
        ]


def _table(table: Table, keys: list[str], words: Words, dialect: Dialect) -> Iterator[list[str]]:
    rows = [(str(number), row) for number, row in enumerate(table.rows, 1)]
    rows += [("adjustment", table.adjustment)] if table.adjustment else []
    rows += [("total", table.total)] if table.total else []
    start = [defused(table.id), defused(of(table.title, words))]
    for name, row in rows:
        given = {c.id: cell for c, cell in zip(table.columns, row, strict=True) if c.kind == "key"}
        found = [_plain(given.get(key)) for key in keys]
        for column, cell in zip(table.columns, row, strict=True):
            if column.kind != "key":
                yield [*start, name, *found, *_value(column, cell, words, dialect)]


def _plain(cell: Cell) -> str:
    if cell is None:
        return ""
    return str(cell) if isinstance(cell, int) else defused(cell)


def _value(column: Column, cell: Cell, words: Words, dialect: Dialect) -> list[str]:
    """`column` … `status` of one cell."""
    in_euros = column.kind == "cents" and dialect.decimal is not None
    head = [defused(column.id), defused(of(column.title, words)), column.definition or ""]
    unit = "EUR" if in_euros else column.kind
    if cell is None:
        return [*head, unit, "", "", "none"]
    if not isinstance(cell, int):
        return [*head, unit, "", defused(cell), ""]
    if in_euros:
        sign = "-" if cell < 0 else ""
        return [
            *head,
            unit,
            f"{sign}{abs(cell) // 100}{dialect.decimal}{abs(cell) % 100:02}",
            "",
            "",
        ]
    return [*head, unit, str(cell), "", ""]
