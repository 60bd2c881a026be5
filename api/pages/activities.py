"""Activities: the list, newest first, and one with its head-counts and story."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace
from psycopg import Connection

from api.contract import path_value
from api.histories import histories_of
from api.pages.lists import ListQuery, Paged, by_cluster, choice, choice_of, every, paged
from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.pages.stories import Story, lines, stories
from api.problems import Problem
from api.requests import day_of
from api.routes.trail import limited_to
from ledger.domain.streams import Kind
from projections.figures.catalogue import Text
from projections.views import activities
from projections.views.activities import ActivityItem
from projections.views.attendances import ByOrganisation, by_organisation
from projections.views.base import Cut, one
from projections.views.names import cluster_names

_NEWEST_FIRST: Final = replace(activities.VIEW, descending=True)
_ORGANISATIONS: Final = 200
KIND: Final = choice(
    "kind",
    Text("Art", "Kind"),
    *("conference", "working_group", "fair", "training", "delegation"),
    *("matchmaking", "webinar", "other"),
)
MODE: Final = choice("mode", Text("Form", "Mode"), "onsite", "online", "hybrid")
STATUS: Final = choice("status", Text("Status", "Status"), "planned", "held", "cancelled")


class ActivitiesQuery(ListQuery, frozen=True, rename={"from_": "from"}):
    """Which activities."""

    kind: str | None = None
    mode: str | None = None
    status: str | None = None
    cluster: str | None = None
    from_: str | None = None
    to: str | None = None


async def shown(ask: Ask[ActivitiesQuery]) -> Sheet:
    """The activities as known, newest first."""
    asked = ask.asked
    filters = {
        "q": asked.q,
        "kind": choice_of(asked.kind, KIND),
        "mode": choice_of(asked.mode, MODE),
        "status": choice_of(asked.status, STATUS),
        "cluster": asked.cluster,
        "from": day_of(asked.from_, "from") if asked.from_ else None,
        "to": day_of(asked.to, "to") if asked.to else None,
    }
    found: Paged[ActivityItem] = await paged(ask, _NEWEST_FIRST, filters)
    clusters = await ask.state.read(cluster_names, ask.cut)
    held_by = by_cluster(Text("Veranstaltet vom Cluster", "Held by cluster"), clusters)
    return Sheet(
        title=Text("Veranstaltungen", "Activities"),
        template="activities.html",
        data=found,
        rows=found.items,
        every=partial(every, ask, _NEWEST_FIRST, filters),
        content={"choices": (KIND, MODE, STATUS, held_by), "clusters": clusters},
    )


class ActivityPage(Struct, frozen=True):
    """One activity at the cut. `came` are the named by organisation, the largest first."""

    activity: ActivityItem
    came: list[ByOrganisation]
    story: list[Story]


async def single(ask: Ask[PageQuery]) -> Sheet:
    """One activity: how many came, from where, and how that came to be known."""
    key = path_value(ask.request, "activity_id", UUID)
    item, came, clusters = await ask.state.read(_related, ask.cut, key, limited_to(ask.authority))
    (own,) = await histories_of(ask.state, ask.authority, ask.cut.known_at, (Kind.activity, (key,)))
    story = stories([""], [own])
    return Sheet(
        title=Text(item.title, item.title),
        template="activity.html",
        data=ActivityPage(item, came, story),
        rows=lines(story),
        content={"clusters": clusters, "most": _ORGANISATIONS},
    )


def _related(
    conn: Connection[Any], cut: Cut, key: UUID, limits: tuple[str, ...] | None
) -> tuple[ActivityItem, list[ByOrganisation], dict[str, str]]:
    item = one(conn, activities.VIEW, cut, {"activity_id": key}, clusters=limits)
    if item is None:
        raise Problem(
            "not_found",
            f"There is no activity {key} as known at position {cut.known_at},"
            " or none this key covers.",
        )
    return item, by_organisation(conn, cut, key, limit=_ORGANISATIONS), cluster_names(conn, cut)


ROUTES: Final = (
    page("/activities", shown, "Activities", scope="trail:read", asked=ActivitiesQuery),
    page("/activities/{activity_id:[^/.]+}", single, "One activity", scope="trail:read"),
)
