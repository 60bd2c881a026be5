"""A figure by year and cluster in one: a small chart a cluster, all on one scale, and the table."""

from __future__ import annotations

from typing import Any

from msgspec import Struct

from api.web.behind import Origin, behind
from api.web.charts import Bar, column_chart, columns, scale_top
from api.web.drawings import Chart, Spot
from api.web.frame import Kept
from api.web.language import LANGUAGES, Language, number, said
from api.web.tables import Drawn, DrawnCell, DrawnColumn
from projections.figures.asking import checked, clusters, stretches
from projections.figures.catalogue import Definition, Text
from projections.figures.together import Statement, Tell, Together
from projections.reports.catalogue import ColumnOf, TableOf
from projections.reports.compute import KEYS
from projections.reports.model import Column, Span, Table
from projections.reports.outputs.words import WORDS
from projections.views.base import Cut
from projections.views.names import cluster_names

_PLOT_PX = 72
_BY_YEAR_AND_CLUSTER = Text("Nach Jahren und Clustern", "By year and cluster")


class Value(Struct, frozen=True):
    """A line of the table's CSV."""

    cluster: str
    year: str
    value: int


class ByCluster(Struct, frozen=True):
    """The table, clusters down and years across, and how each language draws it."""

    table: Table
    drawn: dict[Language, Drawn]
    kept: Kept

    @property
    def values(self) -> list[Value]:
        """A cluster's year a line."""
        years = [column.id for column in self.table.columns[1:]]
        return [
            Value(str(cluster), year, int(value or 0))
            for cluster, *values in self.table.rows
            for year, value in zip(years, values, strict=True)
        ]


def is_by_cluster(definition: Definition) -> bool:
    """Whether a figure is one number, counted by year and of one cluster."""
    return definition.measure == "count" and {"year", "cluster"} <= {*definition.dimensions}


def by_cluster(engine: Together, definition: Definition, cut: Cut, tell: Tell) -> ByCluster:
    """All years up to the day, of every cluster known at the position. Raises a FigureRefusal."""
    engine.tell = tell
    question = checked(
        engine,
        definition,
        period_from=None,
        period_to=cut.as_of,
        known_at=cut.known_at,
        by="year",
        view="participating",
        cluster=None,
        of=None,
    )
    stretches_ = stretches(engine, question)
    years = [stretch.key for stretch in stretches_]
    asked = {by: question.parameters(stretches_, by=by) for by in ("", "cluster") if years}
    engine.announce(Statement(definition, parameters) for parameters in asked.values())
    counted = {
        by: {(key, bucket): value for bucket, key, value in engine.rows(definition.sql, parameters)}
        for by, parameters in asked.items()
    }

    def line(by: str, key: str) -> list[int]:
        return [counted[by].get((key, stretch.number), 0) for stretch in stretches_]

    rows = {
        code: values
        for code in clusters(engine, cut.known_at)
        if any(values := line("cluster", code))
    }
    whole = line("", "")
    sums = [sum(column) for column in zip(*rows.values(), strict=True)] or [0] * len(years)
    table = Table(
        id="clusters",
        title=_BY_YEAR_AND_CLUSTER,
        columns=(
            Column(id="cluster", title=KEYS["cluster"], kind="key"),
            *(
                Column(id=year, title=Text(year, year), kind="count", definition=definition.name)
                for year in years
            ),
        ),
        rows=tuple((code, *values) for code, values in rows.items()),
        total=(None, *whole),
        adjustment=(None, *(a - b for a, b in zip(whole, sums, strict=True))),
    )
    names = cluster_names(engine.conn, cut)
    drawn = {one: _drawn(table, definition, cut, names, one) for one in LANGUAGES}
    return ByCluster(table, drawn, {})


def _drawn(
    table: Table, definition: Definition, cut: Cut, names: dict[str, str], language: Language
) -> Drawn:
    years = [column.id for column in table.columns[1:]]
    words = WORDS[language]
    spec = TableOf(id=table.id, title=table.title, by="year")
    column = ColumnOf(figure=definition.id)

    def line(label: str, cells: tuple[Any, ...], narrowed: dict[str, str]) -> tuple[DrawnCell, ...]:
        origin = Origin(spec, Span(from_=None, to=cut.as_of), cut.known_at, narrowed)
        return (
            DrawnCell(label),
            *(
                DrawnCell(number(cell, language), behind(origin, column, definition.name, year))
                for year, cell in zip(years, cells[1:], strict=True)
            ),
        )

    assert table.total is not None
    assert table.adjustment is not None
    adjusted = (DrawnCell(number(cell, language)) for cell in table.adjustment[1:])  # type: ignore[arg-type]  # all are counts
    lines = {
        code: line(names.get(code, code), row, {"cluster": code})
        for row in table.rows
        if (code := str(row[0]))
    }
    bars = {
        str(row[0]): [Bar(year, int(cell or 0)) for year, cell in zip(years, row[1:], strict=True)]
        for row in table.rows
    }
    top = scale_top([bar for row in bars.values() for bar in row])
    charts = tuple(
        Chart(
            called.text,
            column_chart(
                bars[code],
                chart_id=f"cluster-{code}",
                title=f"{called.text}: {said(definition.title, language)}",
                language=language,
                top=top,
                plot_px=_PLOT_PX,
            ),
            spots=tuple(
                Spot(box, f"{year}: {cell.text}", cell.behind)
                for box, year, cell in zip(columns(len(years), _PLOT_PX), years, cells, strict=True)
                if cell.behind is not None
            ),
        )
        for code, (called, *cells) in lines.items()
    )
    return Drawn(
        table.id,
        said(table.title, language),
        None,
        (
            DrawnColumn(said(table.columns[0].title, language), False, None),
            *(DrawnColumn(year, True, None) for year in years),
        ),
        tuple(lines.values()),
        (
            (DrawnCell(words.adjustment), *adjusted),
            line(words.total, table.total, {}),
        ),
        False,
        charts,
    )
