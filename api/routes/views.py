"""The views over HTTP: lists, single items and histories, as of a day, as known at a position."""

from datetime import date
from hashlib import sha256
from types import GenericAlias
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec
from aiohttp import hdrs, web
from msgspec import Struct
from msgspec.structs import asdict

from api.answers import (
    Cursor,
    next_link,
    question_of,
    read_cursor,
    shown,
    unchanged,
)
from api.contract import Answer, Handler, Route, path_value, query
from api.histories import histories_of
from api.problems import Problem
from api.requests import authority_of, day_of, known_at
from api.routes.trail import TRAIL_READ, covering, limited_to
from api.routes.view_queries import (
    ActivitiesQuery,
    AttendancesQuery,
    ClustersQuery,
    CutQuery,
    EnrolmentsQuery,
    HistoryQuery,
    ListQuery,
    MembershipsQuery,
    OrganisationsQuery,
    ProjectsQuery,
)
from api.state import STATE
from ledger.domain.streams import Kind
from projections.views import (
    activities,
    attendances,
    clusters,
    enrolments,
    memberships,
    organisations,
    projects,
)
from projections.views.base import Cut, View, listed, one
from projections.views.history import HistoryItem

T = TypeVar("T", bound=Struct)


class Listing(Struct, Generic[T], frozen=True):
    """A page of a list; `next` is the cursor of the page behind it."""

    as_of: date
    known_at: int
    items: list[T]
    next: str | None


class History(Struct, frozen=True):
    """Every fact of one stream in the order of its versions."""

    known_at: int
    stream: UUID
    items: list[HistoryItem]
    facts: str
    """Where the facts are that name it, in other streams too."""


class Resource(Struct, frozen=True):
    """A view over HTTP. `key` are the parts of its path behind the name, with their types."""

    path: str
    view: View[Any]
    kind: Kind
    query: type[ListQuery]
    key: dict[str, Any]
    named: str | None = None
    """The filter of the trail that finds it in other streams too, and its part of the key."""


async def _cut(request: web.Request, asked: CutQuery, held: tuple[str, str] | None = None) -> Cut:
    """The question's cut; a cursor's where it `held` one."""
    day, position = held or (asked.as_of, asked.known_at)
    return Cut(day_of(day, "as_of"), await known_at(request, position, asked.min_position))


def _tag(request: web.Request, cut: Cut) -> str:
    """The answer is a function of the cut, the URL and what the key covers."""
    limits = limited_to(authority_of(request))
    rest = sha256(f"{request.rel_url}\n{limits}".encode("utf-8", "surrogatepass")).hexdigest()
    return f'"{cut.known_at}-{cut.as_of}-{rest[:12]}"'


def _days(filters: dict[str, Any]) -> dict[str, Any]:
    """`from` and `to` as days."""
    return {
        name: day_of(value, name) if name in {"from", "to"} else value
        for name, value in filters.items()
    }


def _lister(resource: Resource) -> Handler:
    view = resource.view
    apart = frozenset(ListQuery.__struct_fields__)
    place = GenericAlias(tuple, tuple(view.order.values()))

    async def handle(request: web.Request) -> web.StreamResponse:
        asked = query(request, resource.query)
        filters = _days(
            {
                name.rstrip("_"): value
                for name, value in asdict(asked).items()
                if name not in apart and value is not None
            }
        )
        authority = authority_of(request)
        if view.covered is not None:
            covering(authority, filters.get("cluster"))
        question = question_of(request, "cursor", "limit", "min_position")
        after, held = None, None
        if asked.cursor is not None:
            cursor = read_cursor(asked.cursor, place, question)
            after, held = cursor.after, _held(cursor)
        cut = await _cut(request, asked, held)
        tag = _tag(request, cut)
        if (same := unchanged(request, tag)) is not None:
            return same
        page = await request.app[STATE].read(
            listed,
            view,
            cut,
            filters,
            clusters=limited_to(authority),
            after=after,
            limit=asked.limit,
        )
        place_of_cut = f"{cut.as_of}/{cut.known_at}"
        following = None if page.after is None else Cursor(question, place_of_cut, page.after)
        text = None if following is None else following.text()
        answer = Listing(*cut, page.items, text)
        return shown(request, answer, {hdrs.ETAG: tag, **next_link(request, text)})

    handle.__doc__ = f"A page of the list. {view.item.__doc__}"
    return handle


def _held(cursor: Cursor[Any]) -> tuple[str, str]:
    """The day and position of the cut a cursor belongs to."""
    day, _, position = cursor.cut.partition("/")
    if not position.isdecimal():
        raise Problem("invalid_cursor", "This cursor was not handed out here.")
    return day, position


def _key(request: web.Request, resource: Resource) -> dict[str, Any]:
    return {name: path_value(request, name, kind) for name, kind in resource.key.items()}


def _nothing(resource: Resource, key: dict[str, Any], when: str) -> Problem:
    named = ", ".join(map(str, key.values()))
    return Problem(
        "not_found", f"There is no {resource.view.name} {named} {when}, or none this key covers."
    )


def _at_cut(item: type[Struct]) -> type[Struct]:
    """An item's shape with the cut it was seen at."""
    cut = [("as_of", date), ("known_at", int)]
    return msgspec.defstruct(item.__name__ + "AtCut", cut, bases=(item,), frozen=True)


def _shower(resource: Resource, shape: type[Struct]) -> Handler:
    view = resource.view

    async def handle(request: web.Request) -> web.StreamResponse:
        key = _key(request, resource)
        cut = await _cut(request, query(request, CutQuery))
        limits = limited_to(authority_of(request))
        item = await request.app[STATE].read(one, view, cut, key, clusters=limits)
        if item is None:
            raise _nothing(resource, key, f"on {cut.as_of}, as known at position {cut.known_at}")
        tag = _tag(request, cut)
        same = unchanged(request, tag)
        return same or shown(request, shape(**asdict(item), **cut._asdict()), {hdrs.ETAG: tag})

    handle.__doc__ = view.item.__doc__
    return handle


def _historian(resource: Resource) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        """Every fact of its stream: who recorded it when and why, and what it changed."""
        state = request.app[STATE]
        key = _key(request, resource)
        asked = query(request, HistoryQuery)
        position = await known_at(request, asked.known_at, asked.min_position)
        wanted = resource.kind, tuple(key.values())
        ((stream, items),) = await histories_of(state, authority_of(request), position, wanted)
        if not items:
            raise _nothing(resource, key, f"as known at position {position}")
        return shown(request, History(position, stream, items, _facts(resource, key, stream)))

    return handle


def _facts(resource: Resource, key: dict[str, Any], stream: UUID) -> str:
    if resource.named is None:
        return f"/v1/facts?stream={stream}"
    return f"/v1/facts?{resource.named}={next(iter(key.values()))}"


RESOURCES: Final = (
    Resource(
        "organisations",
        organisations.VIEW,
        Kind.organisation,
        OrganisationsQuery,
        {"organisation_id": UUID},
        "entity",
    ),
    Resource("clusters", clusters.VIEW, Kind.cluster, ClustersQuery, {"cluster": str}, "cluster"),
    Resource(
        "memberships",
        memberships.VIEW,
        Kind.membership,
        MembershipsQuery,
        {"organisation_id": UUID, "cluster": str},
    ),
    Resource(
        "activities",
        activities.VIEW,
        Kind.activity,
        ActivitiesQuery,
        {"activity_id": UUID},
        "entity",
    ),
    Resource(
        "attendances",
        attendances.VIEW,
        Kind.attendance,
        AttendancesQuery,
        {"activity_id": UUID, "person_ref": UUID},
    ),
    Resource(
        "projects", projects.VIEW, Kind.project, ProjectsQuery, {"project_id": UUID}, "entity"
    ),
    Resource(
        "enrolments",
        enrolments.VIEW,
        Kind.enrolment,
        EnrolmentsQuery,
        {"project_id": UUID, "organisation_id": UUID},
    ),
)


def _routes(resource: Resource) -> tuple[Route, ...]:
    """The list, one item, its history."""
    singular = resource.view.name
    article = "an" if singular[0] in "aeo" else "a"
    shape = _at_cut(resource.view.item)
    item = f"/v1/{resource.path}/" + "/".join(f"{{{name}}}" for name in resource.key)
    prefer = (("Prefer", "`wait=2`: how many seconds to wait for `min_position`.", str),)
    return (
        Route(
            "GET",
            f"/v1/{resource.path}",
            _lister(resource),
            f"{resource.path.capitalize()} as of a day, as known at a position",
            TRAIL_READ,
            {
                200: Answer("A page.", Listing[resource.view.item]),  # type: ignore[name-defined]  # made at run time
                304: Answer("The client holds this page already.", media_types=()),
            },
            "views",
            query=resource.query,
            request_headers=prefer,
            problems=(400, 401, 403, 422, 429, 503),
        ),
        Route(
            "GET",
            item,
            _shower(resource, shape),
            f"One {singular} as of a day, as known at a position",
            TRAIL_READ,
            {
                200: Answer(f"The {singular}.", shape),
                304: Answer("The client holds it already.", media_types=()),
            },
            "views",
            query=CutQuery,
            path_parameters=resource.key,
            request_headers=prefer,
            problems=(400, 401, 403, 404, 422, 429, 503),
        ),
        Route(
            "GET",
            f"{item}/history",
            _historian(resource),
            f"Every change of {article} {singular}, with who and why",
            TRAIL_READ,
            {200: Answer("Its facts in the order of their versions.", History)},
            "views",
            query=HistoryQuery,
            path_parameters=resource.key,
            request_headers=prefer,
            problems=(400, 401, 403, 404, 422, 429, 503),
        ),
    )


ROUTES: Final = tuple(route for resource in RESOURCES for route in _routes(resource))
