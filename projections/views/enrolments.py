"""Enrolments on a day: which organisation takes part in which project."""

from datetime import date
from typing import Final
from uuid import UUID

from msgspec import Struct

from projections.views.base import ABANDONED, DISSOLVED, OVER, View, known


class EnrolmentItem(Struct, frozen=True):
    """One part of an organisation in a project on the day."""

    project_id: UUID
    organisation_id: UUID
    role: str
    """`lead` or `partner`."""
    valid_from: date
    valid_to: date | None
    """From which day on it takes part no more; null: not known to end."""


VIEW: Final = View(
    name="enrolment",
    item=EnrolmentItem,
    core=f"""
        SELECT own.project_id, own.organisation_id, own.role, own.valid_from,
            nullif(cut.valid_to, 'infinity') AS valid_to
        FROM models.enrolment own
        {OVER}
        {ABANDONED}
        {DISSOLVED}
        CROSS JOIN LATERAL (
            SELECT least(own.valid_to, over.day, abandoned.day, dissolved.day)
        ) AS cut (valid_to)
        WHERE {known("own")} AND own.valid_from <= %(as_of)s AND %(as_of)s < own.valid_to
            AND %(as_of)s < cut.valid_to""",  # noqa: S608 - constants
    order={"project_id": UUID, "organisation_id": UUID, "valid_from": date},
    conditions={
        "project_id": "project_id = %(project_id)s",
        "organisation_id": "organisation_id = %(organisation_id)s",
        "role": "role = %(role)s",
    },
    covered=f"""EXISTS (SELECT 1 FROM models.project p
        WHERE p.project_id = core.project_id AND {known("p")}
            AND p.clusters && %(clusters)s::text[])""",  # noqa: S608 - constants
    place=lambda item: (item.project_id, item.organisation_id, item.valid_from),
)
