"""Memberships on a day: who is a member of which cluster, and who has applied."""

from datetime import date
from typing import Final
from uuid import UUID

from msgspec import Struct

from projections.views.base import CLOSED, DISSOLVED, View, known


class MembershipItem(Struct, frozen=True):
    """An organisation in a cluster on the day."""

    organisation_id: UUID
    cluster: str
    status: str
    """`member`, `suspended` (counted as a member too) or `applied` (not yet one)."""
    category: str | None
    member_since: date | None
    """The first day of the spell that covers the day."""
    valid_from: date
    """Since when it has this status and category."""
    valid_to: date | None
    """From which day on it has them no more; null: not known to end."""
    cause: str | None
    """Why the spell ends on that day, where its own facts say so."""


def _rows(table: str, columns: str, cause: str) -> str:
    """Rows of the day; a dissolution and the cluster's closing cut them the day before."""
    return f"""
        SELECT own.organisation_id, own.cluster, {columns}, own.valid_from,
            nullif(cut.valid_to, 'infinity') AS valid_to, {cause} AS cause
        FROM models.{table} own
        {CLOSED}
        {DISSOLVED}
        CROSS JOIN LATERAL (SELECT least(own.valid_to, closed.day, dissolved.day)) AS cut (valid_to)
        WHERE {known("own")} AND own.valid_from <= %(as_of)s AND %(as_of)s < own.valid_to
            AND %(as_of)s < cut.valid_to"""  # noqa: S608 - constants


_MEMBERS: Final = _rows(
    "membership",
    "own.status, own.category, own.spell_from AS member_since",
    "CASE WHEN cut.valid_to = own.valid_to THEN own.cause END",
)
_APPLICANTS: Final = _rows("application", "'applied'::text, NULL::text, NULL::date", "NULL::text")

VIEW: Final = View(
    name="membership",
    item=MembershipItem,
    # Who is a member and has applied again is shown as the member.
    core=f"""{_MEMBERS} UNION ALL {_APPLICANTS} AND NOT EXISTS (
        SELECT 1 FROM models.membership m
        WHERE m.organisation_id = own.organisation_id AND m.cluster = own.cluster AND {known("m")}
            AND m.valid_from <= %(as_of)s AND %(as_of)s < m.valid_to)""",  # noqa: S608 - constants
    order={"organisation_id": UUID, "cluster": str},
    conditions={
        "cluster": "cluster = %(cluster)s",
        "organisation_id": "organisation_id = %(organisation_id)s",
        "status": "status = %(status)s",
    },
    implied={"status": "status <> 'applied'"},
    covered="cluster = ANY(%(clusters)s)",
    place=lambda item: (item.organisation_id, item.cluster),
)


class NamedMembership(MembershipItem, frozen=True, kw_only=True):
    """The same with the organisation's name of the day; '' where it has none."""

    name: str


BY_NAME: Final[View[NamedMembership]] = View(
    name="membership",
    item=NamedMembership,
    core=f"""SELECT own.*, coalesce(o.name, '') AS name FROM ({VIEW.core}) own
        LEFT JOIN models.organisation o ON o.organisation_id = own.organisation_id
            AND {known("o")} AND o.valid_from <= %(as_of)s AND %(as_of)s < o.valid_to""",  # noqa: S608 - constants
    order={"name": str, "organisation_id": UUID, "cluster": str},
    conditions=VIEW.conditions,
    implied=VIEW.implied,
    covered=VIEW.covered,
    place=lambda item: (item.name, item.organisation_id, item.cluster),
)
