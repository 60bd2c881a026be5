"""Attendances: who signed up for an activity, and who came. Persons are random references."""

from typing import Final
from uuid import UUID

from msgspec import Struct

from projections.views.base import View, known


class AttendanceItem(Struct, frozen=True):
    """One person at one activity, as known; it belongs to the activity's day."""

    activity_id: UUID
    person_ref: UUID
    organisation_id: UUID | None
    """Whom the person came for."""
    registered: bool
    recorded: bool
    """Whether the person took part."""


VIEW: Final = View(
    name="attendance",
    item=AttendanceItem,
    core=f"""
        SELECT own.activity_id, own.person_ref, own.organisation_id, own.registered, own.recorded
        FROM models.attendance own
        WHERE {known("own")}""",  # noqa: S608 - constants
    order={"activity_id": UUID, "person_ref": UUID},
    conditions={
        "activity_id": "activity_id = %(activity_id)s",
        "organisation_id": "organisation_id = %(organisation_id)s",
        "person_ref": "person_ref = %(person_ref)s",
    },
    covered=f"""EXISTS (SELECT 1 FROM models.activity a
        WHERE a.activity_id = core.activity_id AND {known("a")}
            AND a.organisers && %(clusters)s::text[])""",  # noqa: S608 - constants
    place=lambda item: (item.activity_id, item.person_ref),
)
