"""The reports there are: `definitions/<id>.toml`, each a named set of tables of figures.

A table's columns are figures, or parts of one; its rows are one row for the period, or one a year,
cluster or another dimension that all its figures have. `includes` takes over the tables of other
reports, of their first version unless it names another, so that an older text never changes.
`<id>.toml` is the version in force, `<id>.v<n>.toml` an older one: it stays computable.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from hashlib import sha256
from importlib.resources import files
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from projections.figures.catalogue import CATALOGUE as FIGURES
from projections.figures.catalogue import Text
from projections.reports.model import ACCEPTED, OPEN_IMPORTS, Chart
from projections.reports.refusals import (
    UnknownReport,
    UnknownReportParameter,
    UnknownReportVersion,
)

_FOLDER: Final = files("projections.reports") / "definitions"

Part = Literal["value", "numerator", "denominator", "unknown", "approved", "started"]
"""Which number of a figure's answer a column shows."""

When = Literal["period", "before"]
"""`before`: the figure as of the day before each row's days begin, an opening balance."""


class ColumnOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One column: a figure, or a sum of columns before it (`sum`, each `+id` or `-id`)."""

    figure: str | None = None
    part: Part = "value"
    when: When = "period"
    asked: dict[str, str] = {}
    """Further parameters of the figure."""
    sum: tuple[str, ...] = ()
    id: str | None = None
    title: Text | None = None


class TableOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table. Without `by` it has one row. `source` names a table that is no table of figures
    (trailing.py); it has no columns here."""

    id: str
    title: Text
    columns: tuple[ColumnOf, ...] = ()
    by: str | None = None
    view: str = "participating"
    source: str | None = None
    note: Text | None = None
    chart: Chart | None = None


class ReportOf(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One report, one version. `sha256` is that of its file."""

    id: str
    version: int
    since: date
    title: Text
    meaning: Text
    parameters: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    tables: tuple[TableOf, ...] = ()
    sha256: str = ""

    @property
    def name(self) -> str:
        """`id@version`, as it is cited."""
        return f"{self.id}@{self.version}"

    @property
    def takes(self) -> tuple[str, ...]:
        """The names of its parameters, with the one that every report takes."""
        return (*self.parameters, OPEN_IMPORTS)

    def check(self, parameters: Mapping[str, str]) -> None:
        """Raises UnknownReportParameter."""
        for name, value in parameters.items():
            if name == OPEN_IMPORTS and value != ACCEPTED:
                name = f"{name}={value}"  # noqa: PLW2901 - it has one value
            elif name in self.takes:
                continue
            raise UnknownReportParameter(
                report=self.id,
                parameter=name,
                allowed=(*self.parameters, f"{OPEN_IMPORTS}={ACCEPTED}"),
            )


def _load(name: str) -> ReportOf:
    """One report; ValueError when its file contradicts itself or the figures."""
    text = (_FOLDER / name).read_text(encoding="utf-8")
    report = msgspec.convert(tomllib.loads(text), ReportOf)
    if name not in (f"{report.id}.toml", f"{report.id}.v{report.version}.toml"):
        raise ValueError(f"{name} defines {report.name}")
    for table in report.tables:
        _check(name, table)
    return msgspec.structs.replace(report, sha256=sha256(text.encode()).hexdigest())


def _check(name: str, table: TableOf) -> None:
    for column in table.columns:
        if (column.figure is None) is not bool(column.sum):
            raise ValueError(f"{name}, {table.id}: a column is a figure or a sum")
        if column.figure is None:
            continue
        figure = FIGURES.get(column.figure)
        if figure is None or (table.by is not None and table.by not in figure.dimensions):
            raise ValueError(f"{name}, {table.id}: {column.figure} is not counted by {table.by}")


@cache
def _all() -> Mapping[str, ReportOf]:
    found: Iterator[str] = (entry.name for entry in _FOLDER.iterdir())
    loaded = [_load(name) for name in sorted(found) if name.endswith(".toml")]
    return MappingProxyType({report.name: report for report in loaded})


EVERY: Final[Mapping[str, ReportOf]] = _all()
"""Every version of every report by id@version."""


def _in_force(every: Mapping[str, ReportOf]) -> Mapping[str, ReportOf]:
    newest: dict[str, ReportOf] = {}
    for report in every.values():
        if report.id not in newest or newest[report.id].version < report.version:
            newest[report.id] = report
    return MappingProxyType(dict(sorted(newest.items())))


REPORTS: Final[Mapping[str, ReportOf]] = _in_force(EVERY)
"""The version in force of every report, by id."""


def report_of(report: str) -> ReportOf:
    """By `id` (the one in force) or `id@version`. Raises UnknownReport, UnknownReportVersion."""
    report_id, _, version = report.partition("@")
    if report_id not in REPORTS:
        raise UnknownReport(report=report_id, allowed=REPORTS)
    if not version:
        return REPORTS[report_id]
    if report not in EVERY:
        versions = sorted(str(r.version) for r in EVERY.values() if r.id == report_id)
        raise UnknownReportVersion(report=report_id, version=version, allowed=versions)
    return EVERY[report]


def tables_of(report: ReportOf) -> tuple[TableOf, ...]:
    """The report's tables; those it takes over from others have the other's id before theirs."""
    taken = [
        msgspec.structs.replace(table, id=f"{other.id}.{table.id}")
        for other in (report_of(one if "@" in one else f"{one}@1") for one in report.includes)
        for table in tables_of(other)
    ]
    return (*taken, *report.tables)
