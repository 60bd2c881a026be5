"""One person at one activity: registered, withdrawn, recorded."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import facts as f
from ledger.domain import refusals as r
from ledger.domain.facts import Fact
from ledger.domain.history import Law
from ledger.domain.refusals import Refusal


class Attendance(Struct, frozen=True, gc=False):
    """`organisation_id` is whom the person came for: as recorded, else as registered."""

    registered: bool = False
    recorded: bool = False
    registered_for: UUID | None = None
    recorded_for: UUID | None = None

    @property
    def organisation_id(self) -> UUID | None:
        """The organisation the attendance counts for."""
        return self.recorded_for or self.registered_for


def evolve(state: Attendance, fact: Fact) -> Attendance:
    match fact:
        case f.AttendanceRecorded():
            return replace(state, recorded=True, recorded_for=fact.organisation_id)
        case f.AttendanceRegistered():
            return replace(state, registered=True, registered_for=fact.organisation_id)
        case f.AttendanceWithdrawn():
            return replace(state, registered=False, registered_for=None)
    return state


def objection(state: Attendance, fact: Fact) -> Refusal | None:
    who: UUID = fact.person_ref  # type: ignore[attr-defined]  # every attendance fact has both
    where: UUID = fact.activity_id  # type: ignore[attr-defined]  # the same
    match fact:
        case f.AttendanceRecorded() if state.recorded:
            return r.AlreadyRecorded(person_ref=who, activity_id=where)
        case f.AttendanceRegistered() if state.registered:
            return r.AlreadyRecorded(person_ref=who, activity_id=where)
        case f.AttendanceWithdrawn() if not state.registered:
            return r.NotRegistered(person_ref=who, activity_id=where)
    return None


LAW = Law(Attendance(), evolve, objection, lambda _: None)
