"""Clusters: the list, and one with its members and story."""

from __future__ import annotations

from functools import partial
from typing import Any, Final

from msgspec import Struct
from psycopg import Connection

from api.contract import path_value
from api.histories import histories_of
from api.pages.cluster_years import CLUSTER_YEARS
from api.pages.lists import ListQuery, Paged, every, paged
from api.pages.sheet import Ask, Sheet, page
from api.pages.stories import Story, stories
from api.problems import Problem
from ledger.domain.streams import Kind
from projections.figures.catalogue import Text
from projections.reports.model import Table
from projections.views import clusters, memberships
from projections.views.base import Cut, one
from projections.views.clusters import ClusterItem
from projections.views.memberships import NamedMembership


async def shown(ask: Ask[ListQuery]) -> Sheet:
    """The clusters of the programme on the day, by code."""
    found: Paged[ClusterItem] = await paged(ask, clusters.VIEW, {"q": ask.asked.q})
    return Sheet(
        title=Text("Cluster", "Clusters"),
        template="clusters.html",
        data=found,
        rows=found.items,
        every=partial(every, ask, clusters.VIEW, {"q": ask.asked.q}),
    )


class ClusterPage(Struct, frozen=True):
    """One cluster at the cut; `members` are those of the day, a page of them by name. `years` are
    its figures by year up to the day; null for a key that may not read figures."""

    cluster: ClusterItem
    members: Paged[NamedMembership]
    story: list[Story]
    years: tuple[Table, ...] | None


async def single(ask: Ask[ListQuery]) -> Sheet:
    """One cluster: its members on the day, and how it came about."""
    key = path_value(ask.request, "cluster", str)
    item = await ask.state.read(_cluster, ask.cut, key)
    members: Paged[NamedMembership] = await paged(ask, memberships.BY_NAME, {"cluster": key})
    years = None
    if ask.authority.has("figures:read"):
        years = await ask.request.app[CLUSTER_YEARS].of(ask.state, ask.cut, key)
    (own,) = await histories_of(ask.state, ask.authority, ask.cut.known_at, (Kind.cluster, (key,)))
    return Sheet(
        title=Text(item.name, item.name),
        template="cluster.html",
        data=ClusterPage(
            item, members, stories([""], [own]), None if years is None else years.tables
        ),
        rows=members.items,
        every=partial(every, ask, memberships.BY_NAME, {"cluster": key}),
        content={
            "years": () if years is None else years.drawn[ask.language],
            "kept": {} if years is None else years.kept,
        },
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
