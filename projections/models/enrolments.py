"""Enrolments: which organisation takes part in which project, when, as what."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from ledger.domain.project import Enrolment
from ledger.domain.streams import Kind
from projections.models.base import FOREVER, Model, Projected, Table


class EnrolmentRow(NamedTuple):
    """Days [valid_from, valid_to) of one part."""

    project_id: UUID
    organisation_id: UUID
    role: str
    valid_from: date
    valid_to: date


ENROLMENT = Table(
    EnrolmentRow,
    name="enrolment",
    key=("project_id", "organisation_id"),
    within=("valid_from",),
    ddl="""
-- Who takes part in a project. Own facts only: the project's end and a dissolution cut the days
-- when asked. Parts of one organisation may overlap: a change of role starts a new one.
CREATE TABLE enrolment (
    project_id      uuid   NOT NULL,
    organisation_id uuid   NOT NULL,
    role            text   COLLATE "C" NOT NULL CHECK (role IN ('lead', 'partner')),
    valid_from      date   NOT NULL,
    valid_to        date   NOT NULL,
    known_from      bigint NOT NULL,
    known_to        bigint NOT NULL,
    CHECK (valid_from < valid_to), CHECK (known_from < known_to)
);
""",
    extras="CREATE INDEX enrolment_by_organisation ON enrolment (organisation_id);",
)


def rows(key: tuple[Any, ...], state: Enrolment) -> Iterator[Projected]:
    """One row a part that lasted at least a day."""
    for part in state.parts:
        until = part.to_day or FOREVER
        if part.from_day < until:
            yield Projected(
                ENROLMENT, EnrolmentRow(key[0], key[1], part.role, part.from_day, until)
            )


MODEL = Model(Kind.enrolment, (ENROLMENT,), rows)
