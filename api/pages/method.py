"""Method: every figure as it is defined, from the catalogue itself."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from api.contract import PUBLIC
from api.pages.figure_clusters import is_by_cluster
from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.problems import Problem
from projections.figures.catalogue import CATALOGUE, EVERY, Definition, Text, definition_of
from projections.figures.refusals import FigureRefusal
from projections.reports.compute import KEYS

_TITLE: Final = Text("Wie gezählt wird", "How it is counted")


class Defined(Struct, frozen=True):
    """A figure in a line of the list."""

    id: str
    definition: str
    title: Text
    unit: Text
    meaning: Text
    sha256: str


class Method(Struct, frozen=True):
    """All definitions in force, by id."""

    items: tuple[Defined, ...]


async def shown(_: Ask[PageQuery]) -> Sheet:
    """All figures with their meaning."""
    items = tuple(_line(definition) for definition in CATALOGUE.values())
    return Sheet(title=_TITLE, template="method.html", data=Method(items), rows=items)


def _line(d: Definition) -> Defined:
    return Defined(d.id, d.name, d.title, d.unit, d.meaning, d.sha256)


class OneDefinition(Struct, frozen=True):
    """One definition with everything a recomputation needs; `versions` are all there ever were."""

    definition: Definition
    versions: tuple[str, ...]


async def single(ask: Ask[Any]) -> Sheet:
    """One figure: meaning, counting rule, the SQL that counts it."""
    named = ask.request.match_info["figure"]
    try:
        definition = definition_of(named)
    except FigureRefusal as refusal:
        raise Problem("not_found", str(refusal)) from refusal
    versions = tuple(d.name for d in EVERY.values() if d.id == definition.id)
    return Sheet(
        title=definition.title,
        template="definition.html",
        data=OneDefinition(definition, versions),
        rows=(_line(definition),),
        content={"by_cluster": is_by_cluster(definition), "dimensions": KEYS},
    )


ROUTES: Final = (
    page("/method", shown, "How figures are counted", scope=PUBLIC),
    page("/method/{figure:[^/.]+}", single, "One figure's definition", scope=PUBLIC),
)
