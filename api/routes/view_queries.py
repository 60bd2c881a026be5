"""What the views are asked: the parameters of their lists, items and histories."""

from typing import Annotated, Literal
from uuid import UUID

from msgspec import Meta, Struct, field

from api.routes.trail_shapes import Day, KnownAt, Position
from ledger.domain.vocabulary import (
    ActivityKind,
    ClusterCode,
    Mode,
    OrganisationKind,
    Role,
    SizeClass,
    Spatial,
)

Part = Annotated[str, Meta(min_length=1, max_length=200)]


class CutQuery(Struct, frozen=True, kw_only=True):
    """The two times of a question."""

    as_of: Day | None = None
    """A day, `2026-11-22`; left out: today in Europe/Berlin."""
    known_at: KnownAt | None = None
    """A position, or an instant; left out: as known by now."""
    min_position: Position | None = None
    """Wait, as `Prefer: wait=2` says, until the read models are there."""


class ListQuery(CutQuery, frozen=True, kw_only=True):
    """A page of a list."""

    limit: Annotated[int, Meta(ge=1, le=1000)] = 100
    """Items on a page."""
    cursor: str | None = None
    """Where the page before ended: its `next`. The page is of the same day and position."""


class ClustersQuery(ListQuery, frozen=True, kw_only=True):
    """Which clusters."""

    q: Part | None = None
    """A part of the name; case, accents and umlauts don't matter."""


class OrganisationsQuery(ListQuery, frozen=True, kw_only=True):
    """Which organisations."""

    kind: OrganisationKind | None = None
    nuts3: Annotated[str, Meta(pattern=r"^[A-Z]{2}[A-Z0-9]{0,3}$(?!\n)")] | None = None
    """A NUTS code or its beginning: `DE21H`, `DE2`."""
    size_class: SizeClass | None = None
    spatial: Spatial | None = None
    identifier: Part | None = None
    """Exactly: `ror:…`, `vat:…`."""
    q: Part | None = None
    """A part of the name; case, accents and umlauts don't matter."""


class MembershipsQuery(ListQuery, frozen=True, kw_only=True):
    """Which memberships."""

    cluster: ClusterCode | None = None
    organisation_id: UUID | None = None
    status: Literal["member", "suspended", "applied"] | None = None
    """Left out: members and suspended ones."""


class ActivitiesQuery(ListQuery, frozen=True, kw_only=True):
    """Which activities."""

    cluster: ClusterCode | None = None
    """One of the organisers."""
    kind: ActivityKind | None = None
    mode: Mode | None = None
    status: Literal["planned", "held", "cancelled"] | None = None
    from_: Day | None = field(name="from", default=None)
    """Held, or planned to go on, on or after this day."""
    to: Day | None = None
    """Held, or planned to begin, on or before this day."""
    q: Part | None = None
    """A part of the title; case, accents and umlauts don't matter."""


class AttendancesQuery(ListQuery, frozen=True, kw_only=True):
    """Which attendances."""

    activity_id: UUID | None = None
    organisation_id: UUID | None = None
    person_ref: UUID | None = None


class ProjectsQuery(ListQuery, frozen=True, kw_only=True):
    """Which projects."""

    cluster: ClusterCode | None = None
    status: Literal["proposed", "approved", "running", "ended"] | None = None
    q: Part | None = None
    """A part of the title; case, accents and umlauts don't matter."""


class EnrolmentsQuery(ListQuery, frozen=True, kw_only=True):
    """Which enrolments."""

    project_id: UUID | None = None
    organisation_id: UUID | None = None
    role: Role | None = None


class HistoryQuery(Struct, frozen=True, kw_only=True):
    """How far back in the ledger's own time."""

    known_at: KnownAt | None = None
    """A position, or an instant; left out: as known by now."""
    min_position: Position | None = None
    """Wait, as `Prefer: wait=2` says, until the read models are there."""
