"""Projects on a day: status, clusters, volume and grant."""

from datetime import date
from typing import Final
from uuid import UUID

from msgspec import Struct

from projections.views.base import View, known, part_of


class ProjectItem(Struct, frozen=True):
    """A project in its status of the day. Money is in cents."""

    project_id: UUID
    title: str
    clusters: tuple[str, ...]
    """Codes of the clusters it belongs to; the first leads."""
    status: str
    """`proposed`, `approved`, `running` or `ended`."""
    volume_cents: int | None
    grant_cents: int | None
    proposed_on: date | None
    approved_on: date | None
    started_on: date | None
    last_day: date | None
    outcome: str | None
    valid_from: date
    """Since when it has this status and these terms."""
    valid_to: date | None
    """From which day on it has them no more; null: not known to end."""


VIEW: Final = View(
    name="project",
    item=ProjectItem,
    core=f"""
        SELECT own.project_id, own.title, own.clusters, own.status, own.volume_cents,
            own.grant_cents, own.proposed_on, own.approved_on, own.started_on, own.last_day,
            own.outcome, own.valid_from, nullif(own.valid_to, 'infinity') AS valid_to
        FROM models.project own
        WHERE {known("own")} AND own.valid_from <= %(as_of)s AND %(as_of)s < own.valid_to""",  # noqa: S608 - constants
    order={"project_id": UUID},
    conditions={
        "cluster": "clusters @> ARRAY[%(cluster)s::text]",
        "status": "status = %(status)s",
        "q": part_of("title"),
    },
    covered="clusters && %(clusters)s::text[]",
    place=lambda item: (item.project_id,),
)
