"""The public version of a report: small cells withheld, and what would give them away.

1. Tables that list facts or who recorded them are left out: they are about single organisations.
2. A count of 1 or 2 is withheld in every table by a key, and with it what `suppress`
   (disclosure.py) takes in its column. A share is withheld as a whole (numerator, denominator,
   unknown) when one of the three, or denominator minus numerator, is small. Money is withheld where
   the projects behind it are few, or not told.
3. The report is audited as a whole (audit.py). While a withheld cell could be computed, the
   smallest cell beside one is withheld too.

Totals and tables without a key are exact. The reader is taken to know more than is shown: the sum
of every column over the rows, and what each coarse cell differs from its fine ones by.
docs/adr/0011-disclosure.md says what is guaranteed and what is not.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec

from projections.figures.disclosure import THRESHOLD, suppress
from projections.reports.audit import Equation, ambiguous
from projections.reports.catalogue import report_of, tables_of
from projections.reports.model import Column, Report, Table

Place = tuple[int, int, int]
"""Table, row, column, each from 0."""

Sums = Mapping[str, Mapping[str, tuple[str, ...]]]
"""By table and column: the columns it is the sum of, each `+id` or `-id`."""

_FINER: Final = {"year": "quarter", "nuts2": "nuts3", "activity_nuts2": "activity_nuts3"}
"""Keys whose cells are made of finer ones, which begin with the same four characters."""

_PROJECTS: Final = ("projects_running", "projects_started", "projects_approved")
_SHARE: Final = ("numerator", "denominator", "unknown")


def sums_of(report: Report) -> Sums:
    """Which of the report's columns are sums of others, as its definition says."""
    return {
        table.id: {column.id: column.sum for column in table.columns if column.sum and column.id}
        for table in tables_of(report_of(report.report))
    }


def public(report: Report, sums: Sums | None = None) -> Report:
    """The report as everybody may see it; parameters say `profile=public`. Deterministic.

    `sums` are the report's own (`sums_of`) if left out.
    """
    tables = [table for table in report.tables if any(c.definition for c in table.columns)]
    world = _World(tables, sums_of(report) if sums is None else sums)
    withheld = world.small()
    while exposed := sorted(withheld - world.safe(withheld)):
        more = world.beside(exposed, withheld)
        if more is None:
            break
        withheld.add(more)
    return msgspec.structs.replace(
        report,
        parameters={**report.parameters, "profile": "public"},
        tables=tuple(_without(table, t, withheld) for t, table in enumerate(tables)),
    )


def _without(table: Table, t: int, withheld: set[Place]) -> Table:
    rows = tuple(
        tuple(None if (t, r, c) in withheld else cell for c, cell in enumerate(row))
        for r, row in enumerate(table.rows)
    )
    return msgspec.structs.replace(table, rows=rows)


class _World:
    """The report's numbers by place, and what a reader knows about them."""

    def __init__(self, tables: Sequence[Table], sums: Sums) -> None:
        self._tables = tables
        self._sums = sums
        self._values: dict[Place, int] = {
            (t, r, c): cell
            for t, table in enumerate(tables)
            if _keys(table)
            for c, column in enumerate(table.columns)
            if column.kind in ("count", "cents")
            for r, row in enumerate(table.rows)
            if isinstance(cell := row[c], int)
        }
        self._shares = dict(self._found_shares())
        self._equations = [equation for equation in self._known() if len(equation) > 0]
        self._of: defaultdict[Place, list[Equation[Place]]] = defaultdict(list)
        for equation in self._equations:
            for place in equation:
                self._of[place].append(equation)

    def safe(self, withheld: set[Place]) -> set[Place]:
        """The withheld cells that have at least two possible values."""
        return ambiguous(withheld, self._equations, self._possible, self._values)

    def beside(self, exposed: Iterable[Place], withheld: set[Place]) -> Place | None:
        """The next cell to withhold, in an equation with an exposed one: first where most
        equations have a withheld cell already, then the smallest, zeros last."""
        near = {p for place in exposed for equation in self._of[place] for p in equation} - withheld

        def cost(place: Place) -> tuple[int, bool, int, Place]:
            shared = sum(any(p in withheld for p in equation) for equation in self._of[place])
            value = abs(self._values[place])
            return (-shared, value == 0, value, place)

        return min(near, key=cost, default=None)

    def small(self) -> set[Place]:
        """Small counts and what is withheld with them in their columns; shares; money."""
        withheld: set[Place] = set()
        for column in self._columns():
            cells = [self._values[place] for place in column]
            if self._column(column[0]).kind == "count" and min(cells) >= 0:
                kept = suppress(cells)
                withheld |= {p for p, cell in zip(column, kept, strict=True) if cell is None}
        for share in set(self._shares.values()):
            if _is_small_share([self._values[place] for place in share], share, withheld):
                withheld |= set(share)
        return withheld | set(self._money(withheld))

    def _money(self, withheld: set[Place]) -> Iterator[Place]:
        """Money with few projects behind it, or nobody knows how many."""
        behind: defaultdict[tuple[object, ...], list[Place]] = defaultdict(list)
        for place in self._values:
            if _figure(self._column(place)) in _PROJECTS:
                behind[self._row_of(place)].append(place)
        for place in self._values:
            if self._column(place).kind == "cents":
                projects = behind[self._row_of(place)]
                if not projects or any(project in withheld for project in projects):
                    yield place

    def _possible(self, changed: Mapping[Place, int]) -> bool:
        """Counts and money are not negative, and no share exceeds the whole."""
        for place, value in changed.items():
            if value < 0 <= self._values[place]:
                return False
            share = self._shares.get(place)
            if share and changed.get(share[0], self._values[share[0]]) > changed.get(
                share[1], self._values[share[1]]
            ):
                return False
        return True

    def _known(self) -> Iterator[Equation[Place]]:
        """All that a reader is taken to know."""
        for column in self._columns():
            for line in self._lines(column):
                yield dict.fromkeys(line, 1)
        for share in set(self._shares.values()):
            # Whoever counts all of them elsewhere knows how many have a known class or none.
            yield {share[1]: 1, share[2]: 1}
        yield from self._added_columns()
        yield from self._same_cells()
        yield from self._finer_cells()
        yield from self._openings()

    def _columns(self) -> Iterator[list[Place]]:
        found: defaultdict[tuple[int, int], list[Place]] = defaultdict(list)
        for place in self._values:
            found[place[0], place[2]].append(place)
        yield from found.values()

    def _lines(self, column: list[Place]) -> Iterator[list[Place]]:
        """The column's rows that add up: all, and those with all keys but one alike."""
        yield column
        keys = _keys(self._tables[column[0][0]])
        for free in keys if len(keys) > 1 else ():
            lines: defaultdict[tuple[object, ...], list[Place]] = defaultdict(list)
            for place in column:
                row = self._tables[place[0]].rows[place[1]]
                lines[tuple(row[key] for key in keys if key != free)].append(place)
            yield from lines.values()

    def _added_columns(self) -> Iterator[Equation[Place]]:
        for t, table in enumerate(self._tables):
            index = {column.id: c for c, column in enumerate(table.columns)}
            for name, terms in self._sums.get(table.id, {}).items():
                for r in range(len(table.rows)):
                    equation = {(t, r, index[name]): -1}
                    for term in terms:
                        equation[t, r, index[term[1:]]] = -1 if term[0] == "-" else 1
                    yield {place: sign for place, sign in equation.items() if place in self._values}

    def _same_cells(self) -> Iterator[Equation[Place]]:
        """One number in two tables."""
        found: defaultdict[tuple[object, ...], list[Place]] = defaultdict(list)
        for place, value in self._values.items():
            found[(*self._named(place), self._row_of(place), value)].append(place)
        for first, *others in found.values():
            for other in others:
                yield {first: 1, other: -1}

    def _finer_cells(self) -> Iterator[Equation[Place]]:
        """A year and its quarters, a region and its districts, in two tables."""
        parts: defaultdict[tuple[object, ...], list[Place]] = defaultdict(list)
        for place in self._values:
            for key, value in self._row_of(place):
                parts[(*self._named(place), key, str(value)[:4])].append(place)
        for place in self._values:
            row = self._row_of(place)
            if len(row) == 1 and row[0][0] in _FINER:
                key, value = row[0]
                finer = parts.get((*self._named(place), _FINER[key], str(value)[:4]), [])
                for t in {fine[0] for fine in finer}:
                    yield {place: -1, **{fine: 1 for fine in finer if fine[0] == t}}

    def _openings(self) -> Iterator[Equation[Place]]:
        """A column that opens each row with what another closed the row before with."""
        for t, table in enumerate(self._tables):
            columns = sorted({place[2] for place in self._values if place[0] == t})
            rows = range(len(table.rows) - 1)
            for opens in columns:
                for closes in columns:
                    pairs = [((t, r + 1, opens), (t, r, closes)) for r in rows]
                    told = all(a in self._values and b in self._values for a, b in pairs)
                    if told and all(self._values[a] == self._values[b] for a, b in pairs):
                        yield from ({a: 1, b: -1} for a, b in pairs if a != b)

    def _found_shares(self) -> Iterator[tuple[Place, tuple[Place, Place, Place]]]:
        rows: defaultdict[tuple[int, int, str], dict[str, Place]] = defaultdict(dict)
        for place in self._values:
            stem, _, part = self._column(place).id.rpartition(".")
            if part in _SHARE:
                rows[place[0], place[1], stem][part] = place
        for parts in rows.values():
            if len(parts) == 3:
                share = (parts["numerator"], parts["denominator"], parts["unknown"])
                yield from ((place, share) for place in share)

    def _column(self, place: Place) -> Column:
        return self._tables[place[0]].columns[place[2]]

    def _named(self, place: Place) -> tuple[object, ...]:
        column = self._column(place)
        return (column.definition, column.id)

    def _row_of(self, place: Place) -> tuple[tuple[str, object], ...]:
        table = self._tables[place[0]]
        return tuple((table.columns[key].id, table.rows[place[1]][key]) for key in _keys(table))


def _keys(table: Table) -> list[int]:
    return [index for index, column in enumerate(table.columns) if column.kind == "key"]


def _figure(column: Column) -> str:
    return (column.definition or "").partition("@")[0]


def _is_small_share(values: Sequence[int], share: Iterable[Place], withheld: set[Place]) -> bool:
    rest = values[1] - values[0]
    return 0 < rest < THRESHOLD or any(place in withheld for place in share)
