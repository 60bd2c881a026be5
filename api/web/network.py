"""A project's partners as a drawing: the lead in the middle, the others in a circle around it.

A node carries a number, and the names stand beside under the same numbers: names of eighty
characters have no room in a circle, at 320 px less than anywhere.
"""

from __future__ import annotations

from math import ceil, cos, pi, sin
from typing import Final

from markupsafe import Markup

from api.web.language import Language, said
from projections.figures.catalogue import Text

NODE_RADIUS: Final = 15
LEAST_RADIUS: Final = 85
STEP: Final = 2 * NODE_RADIUS + 4
"""From the middle of a node to that of the next, along the circle."""
PARTNERS_MOST: Final = 60
"""More of them would be a drawing that nobody reads."""

_WITH_LEAD: Final = Text(
    "Partner 1 führt und steht in der Mitte, die anderen sind mit ihm verbunden. Die Namen stehen"
    " daneben unter denselben Nummern.",
    "Partner 1 leads and is in the middle, the others are joined to it. The names stand beside"
    " under the same numbers.",
)
_WITHOUT_LEAD: Final = Text(
    "An diesem Tag führt niemand: Die Mitte ist das Projekt. Die Namen stehen daneben unter"
    " denselben Nummern.",
    "Nobody leads on this day: the middle is the project. The names stand beside under the same"
    " numbers.",
)


def network(count: int, *, has_lead: bool, chart_id: str, title: str, language: Language) -> Markup:
    """`count` partners, numbered from 1, the lead first. `chart_id` must be unique on the page."""
    around = range(2 if has_lead else 1, count + 1)
    radius = max(LEAST_RADIUS, len(around) * STEP / (2 * pi))
    reach = ceil(radius) + NODE_RADIUS + 2
    places = _circle(radius, len(around))
    edges = [
        Markup('<line class="chart-edge" x1="0" y1="0" x2="{}" y2="{}"/>').format(x, y)
        for x, y in places
    ]
    nodes = [_node(str(number), x, y) for number, (x, y) in zip(around, places, strict=True)]
    middle = _node("1" if has_lead else "", "0", "0", " chart-lead")
    return Markup(
        '<svg class="chart network" role="img" aria-labelledby="{id}-title"'
        ' aria-describedby="{id}-desc" viewBox="{low} {low} {size} {size}"'
        ' xmlns="http://www.w3.org/2000/svg"><title id="{id}-title">{title}</title>'
        '<desc id="{id}-desc">{description}</desc>{edges}{nodes}{middle}</svg>'
    ).format(
        id=chart_id,
        low=-reach,
        size=2 * reach,
        title=title,
        description=said(_WITH_LEAD if has_lead else _WITHOUT_LEAD, language),
        edges=Markup("").join(edges),
        nodes=Markup("").join(nodes),
        middle=middle,
    )


def _circle(radius: float, nodes: int) -> list[tuple[str, str]]:
    """Places on a circle, clockwise from the top."""
    angles = [2 * pi * number / nodes for number in range(nodes)]
    return [(f"{radius * sin(angle):.1f}", f"{-radius * cos(angle):.1f}") for angle in angles]


def _node(label: str, x: str, y: str, more: str = "") -> Markup:
    return Markup(
        '<circle class="chart-node{}" cx="{}" cy="{}" r="{}"/>'
        '<text class="chart-middle" x="{}" y="{}" dy="5">{}</text>'
    ).format(more, x, y, NODE_RADIUS, x, y, label)
