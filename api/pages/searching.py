"""Search over clusters, organisations, activities and projects."""

from __future__ import annotations

from typing import Final

from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.problems import Problem
from api.routes.trail import limited_to
from projections.figures.catalogue import Text
from projections.views.search import search

_CHARACTERS_MAX: Final = 200


class SearchQuery(PageQuery, frozen=True):
    """`q` is part of a name, also a former one, or an identifier."""

    q: str = ""


async def shown(ask: Ask[SearchQuery]) -> Sheet:
    """What the words name on the day."""
    if len(ask.asked.q) > _CHARACTERS_MAX:
        raise Problem("invalid_parameter", f"q has at most {_CHARACTERS_MAX} characters.")
    found = await ask.state.read(search, ask.cut, ask.asked.q, clusters=limited_to(ask.authority))
    return Sheet(
        title=Text("Suche", "Search"),
        template="search.html",
        data=found,
        rows=found.hits,
        content={"words": ask.asked.q.strip(), "paths": _PATHS},
    )


_PATHS: Final = {
    "cluster": "/clusters/",
    "organisation": "/organisations/",
    "activity": "/activities/",
    "project": "/projects/",
}

ROUTES: Final = (page("/search", shown, "Search", scope="trail:read", asked=SearchQuery),)
