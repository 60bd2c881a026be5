"""Bavaria's NUTS 3 regions as a map of tiles: each a square about where it lies, all of one size.

`tiles_bavaria.csv` is this project's own: code, the sign on the regions' number plates, column and
row from 0. Towns and the districts around them share a sign. A tile's shade tells its value, and so
does its number; what has no tile is told beside the map.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Final

from markupsafe import Markup
from msgspec import Struct

from api.web.charts import WITHHELD, WITHHELD_VALUE, Bar, Box, described, scale_top, short, svg
from api.web.language import Language, number, said
from projections.figures.catalogue import Text
from projections.regions import NUTS3

SHADES: Final = 4
ROW_PX: Final = 38
GAP: Final = 0.4
"""Between two tiles, in percent of the width."""
_LEGEND_PX: Final = 34
_ELSEWHERE: Final = Text("Ohne Kachel: {}.", "Without a tile: {}.")
_ONLY_TILES: Final = Text(
    "Jede Kachel ist ein Kreis oder eine kreisfreie Stadt, ungefähr an ihrem Ort, mit ihrem"
    " Kfz-Kennzeichen.",
    "Each tile is a district or a town of its own, about where it lies, with the sign on its"
    " number plates.",
)


class Tile(Struct, frozen=True):
    """Where a region's tile is, and what stands on it."""

    code: str
    label: str
    column: int
    row: int


@cache
def tiles() -> tuple[Tile, ...]:
    """All tiles, in order of codes."""
    text = files(__package__).joinpath("tiles_bavaria.csv").read_text(encoding="utf-8")
    return tuple(
        Tile(row["code"], row["label"], int(row["column"]), int(row["row"]))
        for row in csv.DictReader(text.splitlines())
    )


def tile_map(
    values: Mapping[str, int | None], *, chart_id: str, title: str, language: Language
) -> Markup:
    """Values by code; a region that has none is 0, None is withheld."""
    bars = {tile.code: Bar(NUTS3[tile.code], values.get(tile.code, 0)) for tile in tiles()}
    step = -(-scale_top(tuple(bars.values())) // SHADES)
    columns = 1 + max(tile.column for tile in tiles())
    rows = 1 + max(tile.row for tile in tiles())
    parts = [_tile(tile, bars[tile.code], 100 / columns, step, language) for tile in tiles()]
    parts.append(_legend(step, rows * ROW_PX, language))
    return svg(
        parts,
        height=rows * ROW_PX + _LEGEND_PX,
        chart_id=chart_id,
        title=title,
        description=described(tuple(bars.values()), language),
    )


def places() -> dict[str, Box]:
    """Where the tiles are, by code."""
    width = 100 / (1 + max(tile.column for tile in tiles()))
    return {
        tile.code: Box(short(tile.column * width), short(width), tile.row * ROW_PX, ROW_PX)
        for tile in tiles()
    }


def beside(values: Mapping[str, int | None], names: Mapping[str, str], language: Language) -> str:
    """How to read the map, and the values that have no tile, under their names."""
    placed = {tile.code for tile in tiles()}
    others = [
        f"{names[code]} {WITHHELD if value is None else number(value, language)}"
        for code, value in values.items()
        if code not in placed
    ]
    told = said(_ONLY_TILES, language)
    return f"{told} {said(_ELSEWHERE, language).format(', '.join(others))}" if others else told


def shade(value: int, step: int) -> int:
    """0 for nothing, else 1 to SHADES."""
    return min(-(-value // step), SHADES)


def _tile(tile: Tile, bar: Bar, width: float, step: int, language: Language) -> Markup:
    withheld = bar.value is None
    text = WITHHELD if bar.value is None else number(bar.value, language)
    told = said(WITHHELD_VALUE, language) if withheld else text
    tone = "chart-withheld" if bar.value is None else f"tile-{shade(bar.value, step)}"
    y = tile.row * ROW_PX
    middle = short((tile.column + 0.5) * width)
    return Markup(
        '<g class="tile"><title>{}: {}</title><rect class="{}" x="{}%" width="{}%" y="{}"'
        ' height="{}"/><text class="tile-sign chart-middle{}" x="{}%" y="{}">{}</text>'
        '<text class="tile-value chart-middle{}" x="{}%" y="{}">{}</text></g>'
    ).format(
        bar.label,
        told,
        tone,
        short(tile.column * width + GAP / 2),
        short(width - GAP),
        y + 1,
        ROW_PX - 2,
        _on(tone),
        middle,
        y + 16,
        tile.label,
        _on(tone),
        middle,
        y + 31,
        text,
    )


def _on(tone: str) -> str:
    """Letters on the dark shades take the colour of the page."""
    return " on-dark" if tone in {f"tile-{SHADES - 1}", f"tile-{SHADES}"} else ""


def _legend(step: int, y: int, language: Language) -> Markup:
    width = 100 / (SHADES + 1)
    parts = []
    for tone in range(SHADES + 1):
        low, high = max((tone - 1) * step + 1, 0), tone * step
        ends = [number(low, language), number(high, language)]
        span = "–".join(ends) if low < high else ends[1]
        parts.append(
            Markup(
                '<rect class="tile-{}" x="{}%" width="{}%" y="{}" height="8"/>'
                '<text class="tile-range chart-middle" x="{}%" y="{}">{}</text>'
            ).format(
                tone,
                short(tone * width + GAP / 2),
                short(width - GAP),
                y + 8,
                short((tone + 0.5) * width),
                y + 30,
                span,
            )
        )
    return Markup("").join(parts)
