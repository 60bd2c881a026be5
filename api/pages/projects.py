"""Projects: the list by title, and one with its partners, money and story."""

from __future__ import annotations

from functools import partial
from typing import Any, Final
from uuid import UUID

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace
from psycopg import Connection

from api.contract import path_value
from api.histories import histories_of
from api.pages.lists import ListQuery, Paged, by_cluster, choice, choice_of, every, paged
from api.pages.sheet import Ask, PageQuery, Sheet, page
from api.pages.stories import Story, lines, stories
from api.problems import Problem
from api.routes.trail import limited_to
from api.web.language import Language, said
from api.web.network import PARTNERS_MOST, network
from ledger.domain.streams import Kind
from projections.figures.catalogue import Text
from projections.views import enrolments, projects
from projections.views.base import Cut, listed, one
from projections.views.enrolments import EnrolmentItem
from projections.views.names import cluster_names, organisation_names
from projections.views.projects import ProjectItem

_BY_TITLE: Final = replace(
    projects.VIEW,
    order={"title": str, "project_id": UUID},
    place=lambda item: (item.title, item.project_id),
)
_PARTNERS: Final = 500
STATUS: Final = choice(
    "status", Text("Status", "Status"), "proposed", "approved", "running", "ended"
)


class ProjectsQuery(ListQuery, frozen=True):
    """Which projects."""

    status: str | None = None
    cluster: str | None = None


async def shown(ask: Ask[ProjectsQuery]) -> Sheet:
    """The projects of the day, by title."""
    asked = ask.asked
    filters = {"q": asked.q, "status": choice_of(asked.status, STATUS), "cluster": asked.cluster}
    found: Paged[ProjectItem] = await paged(ask, _BY_TITLE, filters)
    clusters = await ask.state.read(cluster_names, ask.cut)
    return Sheet(
        title=Text("Projekte", "Projects"),
        template="projects.html",
        data=found,
        rows=found.items,
        every=partial(every, ask, _BY_TITLE, filters),
        content={
            "choices": (STATUS, by_cluster(Text("Cluster", "Cluster"), clusters)),
            "clusters": clusters,
        },
    )


class Partner(Struct, frozen=True):
    """Who takes part on the day."""

    name: str
    enrolment: EnrolmentItem


class ProjectPage(Struct, frozen=True):
    """One project at the cut, who takes part on the day, and how that came about."""

    project: ProjectItem
    partners: list[Partner]
    story: list[Story]


async def single(ask: Ask[PageQuery]) -> Sheet:
    """One project: its partners, its money, and how that came about."""
    key = path_value(ask.request, "project_id", UUID)
    found = await ask.state.read(_related, ask.cut, key, limited_to(ask.authority))
    item, parts, ever, names, clusters = found
    told = await histories_of(
        ask.state,
        ask.authority,
        ask.cut.known_at,
        (Kind.project, (key,)),
        *((Kind.enrolment, (key, partner)) for partner in ever),
    )
    abouts = ("", *(names.get(partner, str(partner)) for partner in ever))
    partners = [Partner(names.get(p.organisation_id, str(p.organisation_id)), p) for p in parts]
    partners.sort(key=lambda p: (p.enrolment.role != "lead", p.name))
    story = stories(abouts, told)
    return Sheet(
        title=Text(item.title, item.title),
        template="project.html",
        data=ProjectPage(item, partners, story),
        rows=lines(story),
        content={
            "clusters": clusters,
            "most": _PARTNERS,
            "has_lead": _has_lead(partners),
            "network": _drawn(partners, ask.language),
        },
    )


def _has_lead(partners: list[Partner]) -> bool:
    return bool(partners) and partners[0].enrolment.role == "lead"


def _drawn(partners: list[Partner], language: Language) -> Markup | None:
    """Who takes part, drawn; None where there is nobody to join, or too many to tell apart."""
    if not 1 < len(partners) <= PARTNERS_MOST:
        return None
    return network(
        len(partners),
        has_lead=_has_lead(partners),
        chart_id="network",
        title=said(Text("Netz der Beteiligten", "Network of partners"), language),
        language=language,
    )


_Related = tuple[ProjectItem, list[EnrolmentItem], list[UUID], dict[UUID, str], dict[str, str]]


def _related(
    conn: Connection[Any], cut: Cut, key: UUID, limits: tuple[str, ...] | None
) -> _Related:
    item = one(conn, projects.VIEW, cut, {"project_id": key}, clusters=limits)
    if item is None:
        raise Problem(
            "not_found",
            f"There is no project {key} on {cut.as_of}, as known at position {cut.known_at},"
            " or none this key covers.",
        )
    filters = {"project_id": key}
    parts = listed(
        conn, enrolments.VIEW, cut, filters, clusters=limits, after=None, limit=_PARTNERS
    ).items
    rows = conn.execute(
        "SELECT DISTINCT organisation_id FROM models.enrolment WHERE project_id = %s"
        " ORDER BY organisation_id LIMIT %s",
        (key, _PARTNERS),
    )
    ever = [organisation_id for (organisation_id,) in rows]
    return item, parts, ever, organisation_names(conn, cut, ever), cluster_names(conn, cut)


ROUTES: Final = (
    page("/projects", shown, "Projects", scope="trail:read", asked=ProjectsQuery),
    page("/projects/{project_id:[^/.]+}", single, "One project", scope="trail:read"),
)
