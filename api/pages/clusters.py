"""Clusters: the list, and one with its members and story."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from psycopg import Connection

from api.contract import path_value
from api.histories import history_of
from api.pages.lists import ListQuery, Paged, paged
from api.pages.sheet import Ask, Sheet, page
from api.pages.stories import Story, latest_first
from api.problems import Problem
from ledger.domain.streams import Kind
from projections.figures.catalogue import Text
from projections.views import clusters, memberships
from projections.views.base import Cut, one
from projections.views.clusters import ClusterItem
from projections.views.memberships import MembershipItem
from projections.views.names import organisation_names


async def shown(ask: Ask[ListQuery]) -> Sheet:
    """The clusters of the programme on the day, by code."""
    found: Paged[ClusterItem] = await paged(ask, clusters.VIEW, {"q": ask.asked.q})
    return Sheet(
        title=Text("Cluster", "Clusters"), template="clusters.html", data=found, rows=found.items
    )


class ClusterPage(Struct, frozen=True):
    """One cluster at the cut; `members` are those of the day, a page of them."""

    cluster: ClusterItem
    members: Paged[MembershipItem]
    story: list[Story]


async def single(ask: Ask[ListQuery]) -> Sheet:
    """One cluster: its members on the day, and how it came about."""
    key = path_value(ask.request, "cluster", str)
    item = await ask.state.read(_cluster, ask.cut, key)
    members: Paged[MembershipItem] = await paged(ask, memberships.VIEW, {"cluster": key})
    names = await ask.state.read(
        organisation_names, ask.cut, [m.organisation_id for m in members.items]
    )
    _, own = await history_of(ask.state, ask.authority, Kind.cluster, (key,), ask.cut.known_at)
    return Sheet(
        title=Text(item.name, item.name),
        template="cluster.html",
        data=ClusterPage(item, members, latest_first(Story("", fact) for fact in own)),
        rows=members.items,
        content={"names": names},
    )


def _cluster(conn: Connection[Any], cut: Cut, key: str) -> ClusterItem:
    item = one(conn, clusters.VIEW, cut, {"cluster": key}, clusters=None)
    if item is None:
        raise Problem(
            "not_found",
            f"There is no cluster {key[:40]} on {cut.as_of}, as known at position {cut.known_at}.",
        )
    return item


ROUTES: Final = (
    page("/clusters", shown, "Clusters", scope="trail:read", asked=ListQuery),
    page("/clusters/{cluster:[^/.]+}", single, "One cluster", scope="trail:read", asked=ListQuery),
)
