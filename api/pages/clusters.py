"""Clusters: the list."""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from api.pages.sheet import Ask, PageQuery, Sheet, page
from projections.figures.catalogue import Text
from projections.views import clusters
from projections.views.base import listed
from projections.views.clusters import ClusterItem

_LONGEST: Final = 1_000


class ClustersQuery(PageQuery, frozen=True):
    """`q` is a part of the name."""

    q: str | None = None


class Clusters(Struct, frozen=True):
    """The clusters of the day, by code."""

    items: list[ClusterItem]


async def shown(ask: Ask[ClustersQuery]) -> Sheet:
    """All clusters of the programme on the day."""
    filters = {"q": ask.asked.q} if ask.asked.q else {}
    found = await ask.state.read(
        listed, clusters.VIEW, ask.cut, filters, clusters=None, after=None, limit=_LONGEST
    )
    return Sheet(
        title=Text("Cluster", "Clusters"),
        template="clusters.html",
        data=Clusters(found.items),
        rows=found.items,
    )


ROUTES: Final = (page("/clusters", shown, "Clusters", scope="trail:read", asked=ClustersQuery),)
