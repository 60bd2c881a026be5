"""Charts drawn as SVG on the server: no script, no inline style, colours from site.css.

Places along the width are percentages and those along the height are pixels, so that a chart fills
its column at 320 px as at 1280 px while its letters keep their size. A withheld value is drawn as a
dashed outline with its sign, never as a bar of no length, which would read as 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil

import msgspec
from markupsafe import Markup, escape

from api.web.language import Language, number, said
from projections.figures.catalogue import Text

WITHHELD = "•"
"""Stands where a value is withheld. Never 0, which is a value."""
WITHHELD_VALUE = Text("nicht angegeben", "withheld")
_SAME_AS_TABLE = Text(
    "Dieselben Werte stehen in der Tabelle daneben.", "The table beside it has the same values."
)
_SOME_WITHHELD = Text(
    "Mit • bezeichnete Werte sind zum Schutz vor Rückschlüssen nicht angegeben.",
    "Values marked • are withheld so that nobody can be recognised in them.",
)
PLOT_TOP_PX = 24
PLOT_HEIGHT_PX = 168
AXIS_HEIGHT_PX = 24
WITHHELD_HEIGHT_PX = 22
ROW_HEIGHT_PX = 40
BAR_HEIGHT_PX = 10
LONGEST_LABEL = 60  # characters; what fits beside a number in a column of a wide window
SHORT_LABEL = 29  # and at 320 px
TICKS = (1, 2, 5)


class Bar(msgspec.Struct, frozen=True):
    """One bar: its label and its value, None where it is withheld."""

    label: str
    value: int | None


def column_chart(bars: Sequence[Bar], *, chart_id: str, title: str, language: Language) -> Markup:
    """Columns side by side, as for years. `chart_id` must be unique on the page."""
    top = scale_top(bars)
    slot = 100 / max(len(bars), 1)
    parts = [_grid(top, language)]
    for index, bar in enumerate(bars):
        parts.append(_column(bar, left=index * slot, slot=slot, top=top, language=language))
    baseline = PLOT_TOP_PX + PLOT_HEIGHT_PX
    for index in _shown_labels(len(bars)):
        # The last label ends at the edge: centred under a narrow column it would stand out.
        last = index == len(bars) - 1
        parts.append(
            Markup('<text class="chart-label {}" x="{}%" y="{}">{}</text>').format(
                "chart-end" if last else "chart-middle",
                100 if last else _round((index + 0.5) * slot),
                baseline + 18,
                bars[index].label,
            )
        )
    height = baseline + AXIS_HEIGHT_PX
    return _svg(
        parts,
        height=height,
        chart_id=chart_id,
        title=title,
        description=_description(bars, language),
    )


def bar_chart(bars: Sequence[Bar], *, chart_id: str, title: str, language: Language) -> Markup:
    """Bars below each other, each under its label, as for clusters."""
    top = scale_top(bars)
    parts = [
        _row(bar, y=index * ROW_HEIGHT_PX, top=top, language=language)
        for index, bar in enumerate(bars)
    ]
    height = max(len(bars), 1) * ROW_HEIGHT_PX
    return _svg(
        parts,
        height=height,
        chart_id=chart_id,
        title=title,
        description=_description(bars, language),
    )


def _description(bars: Sequence[Bar], language: Language) -> str:
    withheld = any(bar.value is None for bar in bars)
    same = said(_SAME_AS_TABLE, language)
    return f"{same} {said(_SOME_WITHHELD, language)}" if withheld else same


def scale_top(bars: Sequence[Bar]) -> int:
    """The upper end of the scale: 1, 2 or 5 times a power of ten quarters, never below 1."""
    largest = max((bar.value for bar in bars if bar.value is not None), default=0)
    step = 1
    while True:
        for tick in TICKS:
            if tick * step * 4 >= largest:
                # Only as many steps as the largest value needs: a half-empty plot helps nobody.
                return max(tick * step * ceil(largest / (tick * step)), 1)
        step *= 10


def _grid(top: int, language: Language) -> Markup:
    step = next(
        tick * 10**power for power in range(20) for tick in TICKS if tick * 10**power * 4 >= top
    )
    lines = []
    for value in range(0, top + 1, step):
        y = _round(PLOT_TOP_PX + PLOT_HEIGHT_PX * (1 - value / top))
        name = "chart-axis" if value == 0 else "chart-grid"
        lines.append(
            Markup('<line class="{}" x1="0" x2="100%" y1="{}" y2="{}"/>').format(name, y, y)
        )
        if value:
            lines.append(
                Markup('<text class="chart-tick" x="0" y="{}">{}</text>').format(
                    _round(float(y) - 5), number(value, language)
                )
            )
    return Markup("").join(lines)


def _column(bar: Bar, *, left: float, slot: float, top: int, language: Language) -> Markup:
    x, width = _round(left + slot * 0.14), _round(slot * 0.72)
    baseline = PLOT_TOP_PX + PLOT_HEIGHT_PX
    if bar.value is None:
        return Markup(
            '<g><title>{}: {}</title><rect class="chart-withheld" x="{}%" width="{}%" y="{}"'
            ' height="{}"/><text class="chart-sign chart-middle" x="{}%" y="{}">{}</text></g>'
        ).format(
            bar.label,
            said(WITHHELD_VALUE, language),
            x,
            width,
            baseline - WITHHELD_HEIGHT_PX,
            WITHHELD_HEIGHT_PX,
            _round(left + slot / 2),
            baseline - WITHHELD_HEIGHT_PX / 2 + 5,
            WITHHELD,
        )
    height = PLOT_HEIGHT_PX * bar.value / top
    return Markup(
        '<g><title>{}: {}</title><rect class="chart-bar" x="{}%" width="{}%" y="{}" height="{}"/>'
        "</g>"
    ).format(
        bar.label, number(bar.value, language), x, width, _round(baseline - height), _round(height)
    )


def _row(bar: Bar, *, y: int, top: int, language: Language) -> Markup:
    shown = WITHHELD if bar.value is None else number(bar.value, language)
    spoken = said(WITHHELD_VALUE, language) if bar.value is None else shown
    bar_y = y + 21
    if bar.value is None:
        mark = Markup('<rect class="chart-withheld" x="1" width="24" y="{}" height="{}"/>').format(
            bar_y, BAR_HEIGHT_PX
        )
    else:
        mark = Markup('<rect class="chart-bar" x="0" width="{}%" y="{}" height="{}"/>').format(
            _round(100 * bar.value / top), bar_y, BAR_HEIGHT_PX
        )
    return Markup(
        "<g><title>{}: {}</title>{}"
        '<text class="chart-value chart-end" x="100%" y="{}">{}</text>'
        '<rect class="chart-track" x="0" width="100%" y="{}" height="{}"/>{}</g>'
    ).format(
        bar.label, spoken, _label(bar.label, y + 15), y + 15, shown, bar_y, BAR_HEIGHT_PX, mark
    )


def _label(text: str, y: int) -> Markup:
    """The label of a row; a long one twice, of which the style sheet shows what has room."""
    drawn = Markup('<text class="chart-label{}" x="0" y="{}">{}</text>')
    if len(text) <= SHORT_LABEL:
        return drawn.format("", y, text)
    return drawn.format(" chart-wide", y, _cut(text, LONGEST_LABEL)) + drawn.format(
        " chart-narrow", y, _cut(text, SHORT_LABEL)
    )


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _shown_labels(count: int) -> list[int]:
    """The columns that get a label: at most six, evenly spaced, the last always among them."""
    stride = max(ceil(count / 6), 1)
    return list(range(count - 1, -1, -stride))[::-1]


def _svg(
    parts: Sequence[Markup], *, height: int, chart_id: str, title: str, description: str
) -> Markup:
    # Named by its title and described by desc; what is inside is told by the table beside it.
    return Markup(
        '<svg class="chart" role="img" aria-labelledby="{id}-title" aria-describedby="{id}-desc"'
        ' width="100%" height="{height}" xmlns="http://www.w3.org/2000/svg">'
        '<title id="{id}-title">{title}</title><desc id="{id}-desc">{description}</desc>'
        "{parts}</svg>"
    ).format(
        id=escape(chart_id),
        height=height,
        title=title,
        description=description,
        parts=Markup("").join(parts),
    )


def _round(value: float) -> str:
    """Two places at most, so that the same figures give the same bytes on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
