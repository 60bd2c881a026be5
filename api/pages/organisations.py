"""Organisations: the list, and one with its memberships, projects and story."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from uuid import UUID

from msgspec import Struct
from psycopg import Connection

from api.contract import path_value
from api.histories import histories_of
from api.pages.lists import ListQuery, Paged, by_cluster, choice, choice_of, every, paged
from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.pages.stories import Story, lines, stories
from api.problems import Problem
from api.routes.trail import limited_to
from ledger.domain.streams import Kind
from projections.figures.catalogue import Text
from projections.views import enrolments, memberships, organisations
from projections.views.attendances import Attended, attended
from projections.views.base import Cut, listed, one
from projections.views.enrolments import EnrolmentItem
from projections.views.memberships import MembershipItem
from projections.views.names import (
    cluster_names,
    organisation_names,
    project_titles,
)
from projections.views.organisations import OrganisationItem

_RELATED: Final = 200


KIND: Final = choice(
    "kind",
    Text("Art", "Kind"),
    *("company", "university", "research_institute", "chamber", "association"),
    *("public_body", "other"),
)
SIZE: Final = choice(
    "size_class", Text("Größe", "Size"), "micro", "small", "medium", "large", "sme"
)
SPATIAL: Final = choice("spatial", Text("Raum", "Area"), "rural", "urban")


class OrganisationsQuery(ListQuery, frozen=True):
    """Which organisations."""

    kind: str | None = None
    size_class: str | None = None
    spatial: str | None = None
    cluster: str | None = None


async def shown(ask: Ask[OrganisationsQuery]) -> Sheet:
    """The organisations of the day."""
    asked = ask.asked
    filters = {
        "q": asked.q,
        "kind": choice_of(asked.kind, KIND),
        "size_class": choice_of(asked.size_class, SIZE),
        "spatial": choice_of(asked.spatial, SPATIAL),
        "cluster": asked.cluster,
    }
    found: Paged[OrganisationItem] = await paged(ask, organisations.VIEW, filters)
    clusters = await ask.state.read(cluster_names, ask.cut)
    member_of = by_cluster(Text("Mitglied im Cluster", "Member of cluster"), clusters)
    return Sheet(
        title=Text("Organisationen", "Organisations"),
        template="organisations.html",
        data=found,
        rows=found.items,
        every=partial(every, ask, organisations.VIEW, filters),
        content={"choices": (KIND, SIZE, SPATIAL, member_of)},
    )


class OrganisationPage(Struct, frozen=True):
    """One organisation at the cut. `attended` are the latest activities it was named at."""

    organisation: OrganisationItem
    is_name: str | None
    memberships: list[MembershipItem]
    enrolments: list[EnrolmentItem]
    attended: list[Attended]
    story: list[Story]


async def single(ask: Ask[PageQuery]) -> Sheet:
    """One organisation: what it is on the day, what it takes part in, and how that came about."""
    key = path_value(ask.request, "organisation_id", UUID)
    limits = limited_to(ask.authority)
    found = await ask.state.read(_related, ask.cut, key, limits)
    codes = sorted(found.ever_in)
    told = await histories_of(
        ask.state,
        ask.authority,
        ask.cut.known_at,
        (Kind.organisation, (key,)),
        *((Kind.membership, (key, code)) for code in codes),
    )
    abouts = ("", *(found.clusters.get(code, code) for code in codes))
    data = OrganisationPage(
        found.item,
        found.names.get(found.item.is_) if found.item.is_ != key else None,
        found.memberships,
        found.enrolments,
        found.attended,
        stories(abouts, told),
    )
    name = found.item.name or str(key)
    return Sheet(
        title=Text(name, name),
        template="organisation.html",
        data=data,
        rows=lines(data.story),
        content={
            "clusters": found.clusters,
            "projects": found.projects,
            "names": found.names,
            "most": _RELATED,
        },
    )


class _Related(Struct, frozen=True):
    item: OrganisationItem
    memberships: list[MembershipItem]
    enrolments: list[EnrolmentItem]
    attended: list[Attended]
    ever_in: set[str]
    clusters: dict[str, str]
    projects: dict[UUID, str]
    names: dict[UUID, str]


def _related(
    conn: Connection[Any], cut: Cut, key: UUID, limits: tuple[str, ...] | None
) -> _Related:
    """Everything the page needs, in as many questions as it has parts."""
    item = one(conn, organisations.VIEW, cut, {"organisation_id": key}, clusters=limits)
    if item is None:
        raise Problem(
            "not_found",
            f"There is no organisation {key} on {cut.as_of}, as known at position {cut.known_at}.",
        )
    mine = {"organisation_id": key}

    def of(view: Any, filters: dict[str, Any]) -> list[Any]:
        return listed(conn, view, cut, filters, clusters=limits, after=None, limit=_RELATED).items

    parts = of(enrolments.VIEW, mine)
    ever = conn.execute(
        "SELECT DISTINCT cluster FROM models.membership WHERE organisation_id = %s"
        " UNION SELECT DISTINCT cluster FROM models.application WHERE organisation_id = %s",
        (key, key),
    )
    others = [i for i in (item.is_, item.duplicate_of, item.merged_into, *item.split_into) if i]
    return _Related(
        item,
        of(memberships.VIEW, mine),
        parts,
        attended(conn, cut, key, clusters=limits, limit=_RELATED),
        {code for (code,) in ever if limits is None or code in limits},
        cluster_names(conn, cut),
        project_titles(conn, cut, [part.project_id for part in parts]),
        organisation_names(conn, cut, others),
    )


ROUTES: Final = (
    page("/organisations", shown, "Organisations", scope="trail:read", asked=OrganisationsQuery),
    page("/organisations/{organisation_id:[^/.]+}", single, "One organisation", scope="trail:read"),
)
