"""Activities: what is planned, what was held, how many came."""

from datetime import date
from typing import Final
from uuid import UUID

from msgspec import Struct

from projections.views.base import View, known, part_of


class ActivityItem(Struct, frozen=True):
    """An activity as known; its status is that of the day."""

    activity_id: UUID
    title: str
    kind: str
    mode: str
    organisers: tuple[str, ...]
    """Codes of the clusters that hold it; the first leads."""
    starts_on: date
    ends_on: date
    nuts3: str | None
    capacity: int | None
    status: str
    """`planned`, `held` (by the day asked for) or `cancelled`."""
    held_on: date | None
    named: int
    """Persons recorded by name."""
    total: int | None
    """The head-count that includes the named."""
    unlisted: int | None
    """The head-count on top of the named."""
    complete: bool
    """Whether a list was imported that names everybody."""


VIEW: Final = View(
    name="activity",
    item=ActivityItem,
    core=f"""
        SELECT own.activity_id, own.title, own.kind, own.mode, own.organisers, own.starts_on,
            own.ends_on, own.nuts3, own.capacity,
            CASE WHEN own.cancelled THEN 'cancelled' WHEN own.held_on <= %(as_of)s THEN 'held'
                ELSE 'planned' END AS status,
            own.held_on, own.total, own.unlisted, own.complete
        FROM models.activity own
        WHERE {known("own")}""",  # noqa: S608 - constants
    order={"starts_on": date, "activity_id": UUID},
    conditions={
        "cluster": "organisers @> ARRAY[%(cluster)s::text]",
        "kind": "kind = %(kind)s",
        "mode": "mode = %(mode)s",
        "status": "status = %(status)s",
        "from": "coalesce(held_on, ends_on) >= %(from)s",
        "to": "coalesce(held_on, starts_on) <= %(to)s",
        "q": part_of("title"),
    },
    covered="organisers && %(clusters)s::text[]",
    place=lambda item: (item.starts_on, item.activity_id),
    shown=f"""
        SELECT page.activity_id, page.title, page.kind, page.mode, page.organisers, page.starts_on,
            page.ends_on, page.nuts3, page.capacity, page.status, page.held_on, counted.named,
            page.total, page.unlisted, page.complete
        FROM page
        CROSS JOIN LATERAL (
            SELECT count(*) AS named FROM models.attendance a
            WHERE a.activity_id = page.activity_id AND a.recorded AND {known("a")}
        ) AS counted""",  # noqa: S608 - constants
)
