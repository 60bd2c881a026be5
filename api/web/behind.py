"""Where the facts behind a cell of a report's table are listed: the page and its question."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta

from msgspec import Struct

from projections.figures.asking import TIMES
from projections.reports.catalogue import ColumnOf, TableOf
from projections.reports.model import Cell, Report, Span, Table, narrowing


class Origin(Struct, frozen=True):
    """What a table's cells were counted from: its definition, and what was asked."""

    table: TableOf
    period: Span
    known_at: int
    parameters: Mapping[str, str]


class Behind(Struct, frozen=True):
    """A page's path without its language, and its parameters."""

    path: str
    parameters: Mapping[str, str]


def origin(report: Report, table: TableOf) -> Origin:
    """Of a table of a report."""
    return Origin(table, report.period, report.known_at, narrowing(report.parameters))


def of_cell(origin: Origin, table: Table, at: int, key: Cell) -> Behind | None:
    """The facts behind a cell of a drawn table: `at` is its column's index, `key` its row's."""
    definition = table.columns[at].definition
    if definition is None:
        return None
    spec = origin.table
    return behind(origin, spec.columns[at - (spec.by is not None)], definition, key)


def behind(origin: Origin, column: ColumnOf, definition: str, key: Cell) -> Behind | None:
    """The facts behind one cell; `key` None: its table's total, or a table without keys.

    None where nothing was before: the opening balance of the programme's start.
    """
    by = origin.table.by if key is not None else None
    first, last = _days(origin.period, by, str(key))
    if column.when == "before":  # an opening balance: what stood on the day before
        if first is None:
            return None
        last = first - timedelta(days=1)
        first = None
    asked = {**origin.parameters, **column.asked}
    cluster = str(key) if by == "cluster" else asked.get("cluster")
    given = {
        "from": None if first is None else first.isoformat(),
        "to": last.isoformat(),
        "known_at": str(origin.known_at),
        "cluster": cluster,
        "view": origin.table.view if cluster else None,
        "of": asked.get("of"),
    }
    if by is not None and by != "cluster" and by not in TIMES:
        given |= {"by": by, "key": str(key)}
    return Behind(
        f"/figures/{definition}/facts", {name: text for name, text in given.items() if text}
    )


def _days(period: Span, by: str | None, key: str) -> tuple[date | None, date]:
    """The days of a row, those of the period among them; of a row that is no time, all of it."""
    if by == "year":
        first, last = date(int(key), 1, 1), date(int(key), 12, 31)
    elif by == "quarter":
        year, quarter = int(key[:4]), int(key[-1])
        first = date(year, 3 * quarter - 2, 1)
        last = date(year, 3 * quarter, (31, 30, 30, 31)[quarter - 1])
    else:
        return period.from_, period.to
    return max(first, period.from_ or first), min(last, period.to)
