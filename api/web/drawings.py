"""Which charts stand beside a report's table.

By years columns stand side by side, by NUTS 3 a map, by anything else bars below each other, where
the report says so. How a stock moved and what share something has are drawings of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypedDict

from markupsafe import Markup
from msgspec import Struct

from api.web import charts
from api.web.behind import Behind, Origin, of_cell
from api.web.charts import Bar, Box, Flow
from api.web.language import Language, number, said
from api.web.tile_map import beside, places, tile_map
from projections.figures.catalogue import CATALOGUE, Text
from projections.reports.model import Cell, Table

_BARS_MOST: Final = 40
_MAPPED: Final = frozenset({"nuts3", "activity_nuts3"})
_FLOW: Final = ("joins", "rejoins", "leavers", "mergers_in_stock")
_STOCK: Final = frozenset({"opening", *_FLOW, "difference"})
"""Columns that the drawing of how a stock moved tells."""
_WHOLE_OF: Final = {"coverage": "participations"}
"""What a share is of, where its table has that figure instead of the denominator."""
_MOVED: Final = Text("Wie sich der Bestand bewegt hat", "How the stock moved")
_UP_AND_DOWN: Final = Text(
    "Nach oben: Eintritte und Wiedereintritte. Nach unten: Austritte und Zusammenschlüsse.",
    "Upwards: joins and rejoins. Downwards: leavers and mergers.",
)
_IN_PERCENT: Final = Text("{}, in Prozent", "{}, in percent")


class Spot(Struct, frozen=True):
    """A place in a drawing that leads to the facts behind what stands there."""

    box: Box
    text: str
    behind: Behind


class Chart(Struct, frozen=True):
    """One drawing, the words over it and, where it needs any, under it."""

    title: str
    svg: Markup
    note: str | None = None
    spots: tuple[Spot, ...] = ()


def charts_of(
    table: Table, origin: Origin, language: Language, labels: Sequence[str]
) -> tuple[Chart, ...]:
    """The charts of a table of figures; `labels` are what its rows are called."""
    spec = origin.table
    if spec.by is None or len(table.rows) < 2:
        return ()
    drawing = _Drawing(table, origin, language, labels)
    if spec.by in _MAPPED:
        return tuple(drawing.map(at) for at in drawing.counts)
    if spec.by == "year":
        return drawing.in_time()
    if table.chart is None or len(table.rows) > _BARS_MOST:
        return ()
    return tuple(drawing.bars(at) for at in drawing.counts)


class _Naming(TypedDict):
    """What every drawing is given besides its values."""

    chart_id: str
    title: str
    language: Language


class _Drawing:
    """One table about to be drawn. Columns are named by their index in the table."""

    def __init__(
        self, table: Table, origin: Origin, language: Language, labels: Sequence[str]
    ) -> None:
        self._table = table
        self._origin = origin
        self._spec = origin.table
        self._language = language
        self._labels = labels
        self._at = {column.id: at for at, column in enumerate(table.columns)}
        self.counts = [at for at, column in enumerate(table.columns) if column.kind == "count"]

    def in_time(self) -> tuple[Chart, ...]:
        """Years side by side: how a stock moved, shares in percent, every other count."""
        moves = self._at.keys() >= {*_FLOW}
        shares = self._shares()
        others = [
            at
            for at in self.counts
            if at not in shares and not (moves and self._table.columns[at].id in _STOCK)
        ]
        found = [self._columns(at) for at in others]
        found += [self._share(at, of) for at, of in shares.items()]
        return (*found, self._flow()) if moves else tuple(found)

    def bars(self, at: int) -> Chart:
        """Bars below each other."""
        title, names = self._named(at)
        drawn = charts.bar_chart(self._bars(at), **names)
        return Chart(title, drawn, spots=self._spots(at, charts.rows(len(self._labels))))

    def map(self, at: int) -> Chart:
        """A map of tiles, and beside it what has none."""
        title, names = self._named(at)
        values = {str(row[0]): _count(row[at]) for row in self._table.rows}
        called = dict(zip(values, self._labels, strict=True))
        told = beside(values, called, self._language)
        where = places()
        spots = self._spots(at, [where.get(code) for code in values])
        return Chart(title, tile_map(values, **names), told, spots)

    def _columns(self, at: int) -> Chart:
        title, names = self._named(at)
        drawn = charts.column_chart(self._bars(at), **names)
        return Chart(title, drawn, spots=self._spots(at, charts.columns(len(self._labels))))

    def _share(self, at: int, of: int) -> Chart:
        figure = CATALOGUE[str(self._spec.columns[at - 1].figure)]
        title = said(_IN_PERCENT, self._language).format(said(figure.title, self._language))
        pairs = [(_count(row[at]), _count(row[of])) for row in self._table.rows]
        bars = [
            Bar(label, None if part is None or whole is None else round(1000 * part / whole))
            for label, (part, whole) in zip(self._labels, pairs, strict=True)
            if whole != 0
        ]
        _, names = self._named(at, title)
        drawn = charts.column_chart(bars, **names, write=charts.permille, top=1000)
        columns = iter(charts.columns(len(bars)))
        boxes = [None if whole == 0 else next(columns) for _, whole in pairs]
        return Chart(title, drawn, spots=self._spots(at, boxes))

    def _flow(self) -> Chart:
        joins, rejoins, leavers, mergers = (self._at[name] for name in _FLOW)
        flows = [
            Flow(label, _sum(row[joins], row[rejoins]), _sum(row[leavers], row[mergers]))
            for label, row in zip(self._labels, self._table.rows, strict=True)
        ]
        title, names = self._named(joins, said(_MOVED, self._language))
        told = said(_UP_AND_DOWN, self._language)
        return Chart(title, charts.flow_chart(flows, **names), told)

    def _shares(self) -> Mapping[int, int]:
        """Numerators that stand beside what they are a share of."""
        columns = [(at, c) for at, c in enumerate(self._spec.columns, 1) if c.figure]
        found = {}
        for at, column in columns:
            for of, other in columns if column.part == "numerator" else ():
                same = (other.figure, other.part, other.asked)
                if same == (column.figure, "denominator", column.asked) or same[:2] == (
                    _WHOLE_OF.get(str(column.figure)),
                    "value",
                ):
                    found[at] = of
        return found

    def _bars(self, at: int) -> list[Bar]:
        return [
            Bar(label, _count(row[at]))
            for label, row in zip(self._labels, self._table.rows, strict=True)
        ]

    def _spots(self, at: int, boxes: Sequence[Box | None]) -> tuple[Spot, ...]:
        """The ways behind a column's cells; None: the row does not stand in the drawing."""
        rows = zip(boxes, self._labels, self._table.rows, strict=True)
        return tuple(
            Spot(box, f"{label}: {number(count, self._language)}", way)
            for box, label, row in rows
            if box is not None
            and (count := _count(row[at])) is not None
            and (way := of_cell(self._origin, self._table, at, row[0])) is not None
        )

    def _named(self, at: int, title: str | None = None) -> tuple[str, _Naming]:
        column = self._table.columns[at]
        title = title or said(column.title, self._language)
        about = said(self._table.title, self._language)
        return title, {
            "chart_id": f"{self._table.id}-{column.id}",
            "title": f"{title}: {about}",
            "language": self._language,
        }


def _count(cell: Cell) -> int | None:
    return cell if isinstance(cell, int) and cell >= 0 else None


def _sum(*cells: Cell) -> int | None:
    counts = [_count(cell) for cell in cells]
    return None if None in counts else sum(count or 0 for count in counts)
