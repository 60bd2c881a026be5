"""Charts drawn as SVG on the server: no script, no inline style, colours from site.css.

Places along the width are percentages and those along the height are pixels, so that a chart fills
its column at 320 px as at 1280 px while its letters keep their size. A withheld value is drawn as a
dashed outline with its sign, never as a bar of no length, which would read as 0.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import ceil

import msgspec
from markupsafe import Markup, escape

from api.web.language import Language, number, said, share
from projections.figures.catalogue import Text

Write = Callable[[int, Language], str]
"""How a chart's values are written."""

WITHHELD = "•"
"""Stands where a value is withheld. Never 0, which is a value."""
WITHHELD_VALUE = Text("nicht angegeben", "withheld")
_FROM_TO = Text("Von {} ({}) bis {} ({}).", "From {} ({}) to {} ({}).")
_BETWEEN = Text(
    "Höchster Wert: {} ({}), niedrigster: {} ({}).", "Highest value: {} ({}), lowest: {} ({})."
)
_CAME = Text("Nach oben:", "Upwards:")
_WENT = Text("Nach unten:", "Downwards:")
_NOTHING = Text("Keine Werte.", "No values.")
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
GUTTER = 14  # percent of the width, left of the columns: what the lines are called stands there


class Bar(msgspec.Struct, frozen=True):
    """One bar: its label and its value, None where it is withheld."""

    label: str
    value: int | None


class Flow(msgspec.Struct, frozen=True):
    """What came and what went in one stretch of time; None where one of them is withheld."""

    label: str
    came: int | None
    went: int | None


class Box(msgspec.Struct, frozen=True):
    """A place in a drawing: `x` and `width` in percent, `y` and `height` in pixels, as SVG takes
    them."""

    x: str
    width: str
    y: int
    height: int


def columns(count: int, plot_px: int = PLOT_HEIGHT_PX) -> list[Box]:
    """Where the columns of a chart stand, each with the room around it."""
    slot = _slot(count)
    height = PLOT_TOP_PX + plot_px + AXIS_HEIGHT_PX
    return [Box(short(GUTTER + index * slot), short(slot), 0, height) for index in range(count)]


def _slot(count: int) -> float:
    """The room of one column, in percent of the width."""
    return (100 - GUTTER) / max(count, 1)


def rows(count: int) -> list[Box]:
    """Where the rows of a bar chart stand."""
    return [Box("0", "100", index * ROW_HEIGHT_PX, ROW_HEIGHT_PX) for index in range(count)]


def permille(value: int, language: Language) -> str:
    """A share given in thousandths, in percent."""
    return share(value, 1000, language)


def column_chart(
    bars: Sequence[Bar],
    *,
    chart_id: str,
    title: str,
    language: Language,
    write: Write = number,
    top: int | None = None,
    plot_px: int = PLOT_HEIGHT_PX,
) -> Markup:
    """Columns side by side, as for years. `chart_id` must be unique on the page. `top` is the end
    of a scale that several charts share."""
    top = scale_top(bars) if top is None else top
    slot = _slot(len(bars))
    baseline = PLOT_TOP_PX + plot_px
    lines, ticks = _grid(top, plot_px, write, language)
    parts = [lines]
    for index, bar in enumerate(bars):
        text = said(WITHHELD_VALUE, language) if bar.value is None else write(bar.value, language)
        height = None if bar.value is None else plot_px * bar.value / top
        parts.append(_column(bar.label, text, GUTTER + index * slot, slot, baseline, height))
    parts += [ticks, years(bars, baseline + 18)]
    return svg(
        parts,
        height=baseline + AXIS_HEIGHT_PX,
        chart_id=chart_id,
        title=title,
        description=described(bars, language, write=write, in_time=True),
    )


def flow_chart(flows: Sequence[Flow], *, chart_id: str, title: str, language: Language) -> Markup:
    """What came as columns upwards, what went as columns downwards, on one scale."""
    came = [Bar(flow.label, flow.came) for flow in flows]
    went = [Bar(flow.label, flow.went) for flow in flows]
    # Either side gets as much of the height as it needs; below there is room for a withheld value.
    top, bottom = scale_top(came), scale_top(went)
    up_px = PLOT_HEIGHT_PX * top // (top + bottom)
    baseline = PLOT_TOP_PX + up_px
    slot = _slot(len(flows))
    lines, ticks = _grid(top, up_px, number, language)
    parts = [lines]
    for index, flow in enumerate(flows):
        up, down = (
            None if count is None else up_px * count / top for count in (flow.came, flow.went)
        )
        came_text, went_text = (
            said(WITHHELD_VALUE, language) if count is None else number(count, language)
            for count in (flow.came, flow.went)
        )
        left = GUTTER + index * slot
        parts.append(_column(flow.label, f"+{came_text}", left, slot, baseline, up))
        parts.append(_hanging(flow.label, f"−{went_text}", left, slot, baseline, down))
    low = baseline + max(PLOT_HEIGHT_PX - up_px, WITHHELD_HEIGHT_PX)
    parts += [ticks, years(came, low + 18)]
    told = [
        f"{said(words, language)} {described(bars, language, in_time=True)}"
        for words, bars in ((_CAME, came), (_WENT, went))
    ]
    return svg(
        parts,
        height=low + AXIS_HEIGHT_PX,
        chart_id=chart_id,
        title=title,
        description=" ".join(told),
    )


def _hanging(
    label: str, text: str, left: float, slot: float, baseline: int, height: float | None
) -> Markup:
    """A column that hangs down; None: its value is withheld."""
    tone = "chart-withheld" if height is None else "chart-hanging"
    return Markup(
        '<g><title>{}: {}</title><rect class="{}" x="{}%" width="{}%" y="{}" height="{}"/></g>'
    ).format(
        label,
        text,
        tone,
        short(left + slot * 0.14),
        short(slot * 0.72),
        baseline,
        WITHHELD_HEIGHT_PX if height is None else short(height),
    )


def years(bars: Sequence[Bar], y: int) -> Markup:
    """The labels under columns."""
    slot = _slot(len(bars))
    parts = []
    for index in _shown_labels(len(bars)):
        # The last one keeps within the edge: centred under a narrow column it would stand out.
        anchor, x = "chart-middle", short(GUTTER + (index + 0.5) * slot)
        if index == len(bars) - 1:
            anchor, x = "chart-end", "100"
        parts.append(
            Markup('<text class="chart-label {}" x="{}%" y="{}">{}</text>').format(
                anchor, x, y, bars[index].label
            )
        )
    return Markup("").join(parts)


def bar_chart(bars: Sequence[Bar], *, chart_id: str, title: str, language: Language) -> Markup:
    """Bars below each other, each under its label, as for clusters."""
    top = scale_top(bars)
    parts = [
        _row(bar, y=index * ROW_HEIGHT_PX, top=top, language=language)
        for index, bar in enumerate(bars)
    ]
    height = max(len(bars), 1) * ROW_HEIGHT_PX
    return svg(
        parts,
        height=height,
        chart_id=chart_id,
        title=title,
        description=described(bars, language),
    )


def described(
    bars: Sequence[Bar], language: Language, *, write: Write = number, in_time: bool = False
) -> str:
    """What a chart shows, told: its ends, its first and last value where it runs in time."""
    told = [(bar.value, bar.label) for bar in bars if bar.value is not None]
    parts = [] if told else [said(_NOTHING, language)]
    if told and in_time:
        (first, begin), (last, end) = told[0], told[-1]
        ends = (write(first, language), begin, write(last, language), end)
        parts.append(said(_FROM_TO, language).format(*ends))
    if told:
        (most, at_most), (least, at_least) = max(told), min(told)
        ends = (write(most, language), at_most, write(least, language), at_least)
        parts.append(said(_BETWEEN, language).format(*ends))
    if len(told) < len(bars):
        parts.append(said(_SOME_WITHHELD, language))
    return " ".join(parts)


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


def _grid(top: int, plot_px: int, write: Write, language: Language) -> tuple[Markup, Markup]:
    """The lines, which lie behind the columns, and what they are called, which lies before them."""
    step = next(
        tick * 10**power for power in range(20) for tick in TICKS if tick * 10**power * 4 >= top
    )
    lines, ticks = [], []
    for value in range(0, top + 1, step):
        y = PLOT_TOP_PX + plot_px * (1 - value / top)
        name = "chart-axis" if value == 0 else "chart-grid"
        line = Markup('<line class="{}" x1="{}%" x2="100%" y1="{}" y2="{}"/>')
        lines.append(line.format(name, GUTTER, short(y), short(y)))
        tick = Markup('<text class="chart-tick chart-end" x="{}%" y="{}">{}</text>')
        # The lines of a scale in percent stand for whole ones.
        text = f"{value // 10} %" if write is permille else write(value, language)
        ticks.append(tick.format(GUTTER - 1, short(y + 4), text))
    return Markup("").join(lines), Markup("").join(ticks)


def _column(
    label: str, text: str, left: float, slot: float, baseline: int, height: float | None
) -> Markup:
    """One column `height` pixels high; None: its value is withheld."""
    x, width = short(left + slot * 0.14), short(slot * 0.72)
    if height is None:
        return Markup(
            '<g><title>{}: {}</title><rect class="chart-withheld" x="{}%" width="{}%" y="{}"'
            ' height="{}"/><text class="chart-sign chart-middle" x="{}%" y="{}">{}</text></g>'
        ).format(
            label,
            text,
            x,
            width,
            baseline - WITHHELD_HEIGHT_PX,
            WITHHELD_HEIGHT_PX,
            short(left + slot / 2),
            baseline - WITHHELD_HEIGHT_PX / 2 + 5,
            WITHHELD,
        )
    return Markup(
        '<g><title>{}: {}</title><rect class="chart-bar" x="{}%" width="{}%" y="{}" height="{}"/>'
        "</g>"
    ).format(label, text, x, width, short(baseline - height), short(height))


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
            short(100 * bar.value / top), bar_y, BAR_HEIGHT_PX
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


def svg(
    parts: Sequence[Markup], *, height: int, chart_id: str, title: str, description: str
) -> Markup:
    """One drawing, as wide as its column and `height` pixels high."""
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


def short(value: float) -> str:
    """Two places at most, so that the same figures give the same bytes on every machine."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
