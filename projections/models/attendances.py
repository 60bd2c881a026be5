"""Attendances: who signed up for an activity, and who came."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from ledger.domain.attendance import Attendance
from ledger.domain.streams import Kind
from projections.models.base import Model, Projected, Table


class AttendanceRow(NamedTuple):
    """One person at one activity; `organisation_id` is whom the person came for."""

    activity_id: UUID
    person_ref: UUID
    organisation_id: UUID | None
    registered: bool
    recorded: bool


ATTENDANCE = Table(
    AttendanceRow,
    name="attendance",
    key=("activity_id", "person_ref"),
    ddl="""
-- One person at one activity: the key forbids counting twice. By far the largest read model.
CREATE TABLE attendance (
    activity_id     uuid    NOT NULL,
    person_ref      uuid    NOT NULL,
    organisation_id uuid,
    registered      boolean NOT NULL,
    recorded        boolean NOT NULL,
    known_from      bigint  NOT NULL,
    known_to        bigint  NOT NULL,
    CHECK (known_from < known_to)
);
""",
    extras="""
CREATE INDEX attendance_by_organisation ON attendance (organisation_id)
    WHERE organisation_id IS NOT NULL;
CREATE INDEX attendance_by_person ON attendance (person_ref);
""",
)


def rows(key: tuple[Any, ...], state: Attendance) -> Iterator[Projected]:
    """One row while the person is registered or recorded."""
    if state.registered or state.recorded:
        who = AttendanceRow(key[0], key[1], state.organisation_id, state.registered, state.recorded)
        yield Projected(ATTENDANCE, who)


MODEL = Model(Kind.attendance, (ATTENDANCE,), rows)
