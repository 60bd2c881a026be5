"""A report's tables as the PDF's template draws them: cells in words, widths, charts.

A table too wide for an upright page turns it; one too wide for that is cut into parts that each
repeat the keys.
"""

from __future__ import annotations

from typing import Any, Final

from projections.reports.model import Cell, Column, Report, Table
from projections.reports.outputs import manifest
from projections.reports.outputs.words import Words, empty, of, shown

_UPRIGHT_CHARACTERS: Final = 92
_TURNED_CHARACTERS: Final = 146
"""What fits on a line of a page at 9 points, in characters of usual width."""

_TEXT_CHARACTERS_MAX: Final = 36
"""A wider text is broken into lines."""

_TEXT_CHARACTERS_MIN: Final = 18
"""Narrower than this no text is made to keep a table in one part."""

_CHART_ROWS_MAX: Final = 44
"""A chart of more rows would not fit a page: the table must do."""

_UNBROKEN_CHARACTERS: Final = 40
_BREAK: Final = "\u00ad"


def tables(report: Report, words: Words) -> list[list[Any]]:
    """Of each table whether its page is turned, and what is drawn."""
    return [_table(table, report, words) for table in report.tables]


def _table(table: Table, report: Report, words: Words) -> list[Any]:
    rows = [_cells(table, row, empty(report, in_total=False), words) for row in table.rows]
    below = [
        _cells(table, cells, empty(report, in_total=True), words)
        for cells in manifest.closing(table, words)
    ]
    widths = [
        _width(table.columns[index], [*rows, *below], index, words)
        for index in range(len(table.columns))
    ]
    parts = _parts(table.columns, widths)
    turned = any(sum(widths[index] for index in part) > _UPRIGHT_CHARACTERS for part in parts)
    counted = dict.fromkeys(c.definition for c in table.columns if c.definition)
    drawn = {
        "title": of(table.title, words),
        "note": of(table.note, words) if table.note else None,
        "counted": f"{words.columns}: {', '.join(map(str, counted))}" if counted else None,
        "parts": [
            {
                "title": _part_title(table, part, words) if len(parts) > 1 else None,
                "share": _share(sum(widths[index] for index in part), turned=turned),
                "head": [_heading(table.columns[index], words) for index in part],
                "numeric": [_is_number(table.columns[index]) for index in part],
                "widths": [widths[index] for index in part],
                "rows": [[row[index] for index in part] for row in rows],
                "below": [[row[index] for index in part] for row in below],
            }
            for part in parts
        ],
        "chart": _chart(table, report, words),
    }
    return [turned, drawn]


def _share(characters: int, *, turned: bool) -> int:
    """How much of the line the table takes, in percent: a narrow one is not pulled apart."""
    return min(100 * characters // (_TURNED_CHARACTERS if turned else _UPRIGHT_CHARACTERS) + 4, 100)


def _is_number(column: Column) -> bool:
    return column.kind in ("count", "cents", "position", "day")


def _cells(table: Table, row: tuple[Cell, ...], symbol: str, words: Words) -> list[str]:
    return [
        ("" if column.kind in ("key", "text") else symbol)
        if cell is None
        else _breakable(shown(cell, column, words))
        for column, cell in zip(table.columns, row, strict=True)
    ]


def _breakable(text: str) -> str:
    """The text with a soft hyphen in words that are wider than a column."""
    return " ".join(
        _BREAK.join(word[at : at + 12] for at in range(0, len(word), 12))
        if len(word) > _UNBROKEN_CHARACTERS
        else word
        for word in text.split(" ")
    )


def _heading(column: Column, words: Words) -> str:
    title = of(column.title, words)
    return f"{title} ({words.euro})" if column.kind == "cents" else title


def _width(column: Column, rows: list[list[str]], index: int, words: Words) -> int:
    """In characters, with the space between columns."""
    longest = max((len(row[index]) for row in rows), default=1)
    head = max(len(word) for word in _heading(column, words).split() or [""])
    if _is_number(column):
        return max(longest, min(head, 12)) + 2
    return min(max(longest, min(head, 12)), _TEXT_CHARACTERS_MAX) + 2


def _parts(columns: tuple[Column, ...], widths: list[int]) -> list[list[int]]:
    """The columns' indices in parts that fit a turned page, the keys (or the first) in each."""
    keys = [index for index, column in enumerate(columns) if column.kind == "key"] or [0]
    others = [index for index in range(len(columns)) if index not in keys]
    least = [
        wish if _is_number(column) else min(wish, _TEXT_CHARACTERS_MIN)
        for column, wish in zip(columns, widths, strict=True)
    ]
    parts: list[list[int]] = [[]]
    for index in others:
        wide = sum(least[i] for i in (*keys, *parts[-1], index))
        if parts[-1] and wide > _TURNED_CHARACTERS:
            parts.append([])
        parts[-1].append(index)
    if len(parts) == 1:
        return [list(range(len(columns)))]
    return [[*keys, *part] for part in parts]


def _part_title(table: Table, part: list[int], words: Words) -> str:
    fresh = [at for at in part if at > 0 and table.columns[at].kind != "key"]
    return words.continued.format(
        title=of(table.title, words),
        first=fresh[0] + 1,
        last=fresh[-1] + 1,
        all=len(table.columns),
    )


def _chart(table: Table, report: Report, words: Words) -> dict[str, Any] | None:
    """What is drawn beside the table: each column of counts or cents against the first keys."""
    columns = [i for i, column in enumerate(table.columns) if column.kind in ("count", "cents")]
    if table.chart is None or not columns or not 0 < len(table.rows) <= _CHART_ROWS_MAX:
        return None
    symbol = empty(report, in_total=False)
    panels = [_panel(table, index, symbol, words) for index in columns]
    # The first keys must tell the rows apart, or the chart would draw one thing twice.
    if len(set(panels[0]["labels"])) < len(table.rows):
        return None
    return {"kind": table.chart, "panels": panels, "alt": " ".join(p["alt"] for p in panels)}


def _panel(table: Table, index: int, symbol: str, words: Words) -> dict[str, Any]:
    column = table.columns[index]
    cells = [row[index] for row in table.rows]
    values = [cell if isinstance(cell, int) else None for cell in cells]
    numbers = [value for value in values if value is not None]
    highest = shown(max(numbers), column, words) if numbers else symbol
    title = _heading(column, words)
    key = table.columns[0]
    return {
        "title": title,
        "alt": words.chart_of.format(of(table.title, words), title, highest),
        "labels": [
            "" if row[0] is None else _breakable(shown(row[0], key, words)) for row in table.rows
        ],
        "values": values,
        "shown": [symbol if value is None else shown(value, column, words) for value in values],
    }
