"""An activity: planned, changed, held or cancelled, and how many came."""

from datetime import date
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import facts as f
from ledger.domain import refusals as r
from ledger.domain.facts import Fact
from ledger.domain.history import Law
from ledger.domain.refusals import Refusal


class Activity(Struct, frozen=True):
    """`total` and `unlisted` are the latest head-counts of their scope.

    `complete`: a list that names everybody was imported. `announced`: the most rows that a list
    has; of the same list sent again, or sent longer, the rows are the same persons.
    """

    activity_id: UUID | None = None
    scheduled: int = 0
    title: str = ""
    kind: str = ""
    mode: str = ""
    organisers: tuple[str, ...] = ()
    starts_on: date = date.min
    ends_on: date = date.min
    nuts3: str | None = None
    capacity: int | None = None
    held_on: date | None = None
    cancelled: bool = False
    total: int | None = None
    unlisted: int | None = None
    lists: int = 0
    complete: bool = False
    announced: int | None = None

    @property
    def exists(self) -> bool:
        """Whether its scheduling stands."""
        return self.scheduled > 0


def _scheduled(state: Activity, fact: f.ActivityScheduled) -> Activity:
    return replace(
        state,
        scheduled=state.scheduled + 1,
        title=fact.title,
        kind=fact.kind,
        mode=fact.mode,
        organisers=tuple(dict.fromkeys(fact.organisers)),
        starts_on=fact.starts_on,
        ends_on=fact.ends_on,
        nuts3=fact.nuts3,
        capacity=fact.capacity,
    )


def _changed(state: Activity, fact: f.ActivityChanged) -> Activity:
    return replace(
        state,
        title=state.title if fact.title is None else fact.title,
        organisers=state.organisers
        if fact.organisers is None
        else tuple(dict.fromkeys(fact.organisers)),
        capacity=state.capacity if fact.capacity is None else fact.capacity,
        nuts3=state.nuts3 if fact.nuts3 is None else fact.nuts3,
    )


def evolve(state: Activity, fact: Fact) -> Activity:
    if state.activity_id is None:
        state = replace(state, activity_id=fact.activity_id)  # type: ignore[attr-defined]  # all have it
    match fact:
        case f.ActivityScheduled():
            return _scheduled(state, fact)
        case f.ActivityRescheduled():
            return replace(state, starts_on=fact.starts_on, ends_on=fact.ends_on)
        case f.ActivityChanged():
            return _changed(state, fact)
        case f.ActivityHeld():
            return replace(state, held_on=fact.held_on)
        case f.ActivityCancelled():
            return replace(state, cancelled=True)
        case f.HeadcountRecorded(scope="total"):
            return replace(state, total=fact.count)
        case f.HeadcountRecorded():
            return replace(state, unlisted=fact.count)
        case f.AttendanceListImported():
            return replace(
                state,
                lists=state.lists + 1,
                complete=state.complete or fact.complete,
                announced=max(state.announced or 0, fact.rows),
            )
    return state


def objection(state: Activity, fact: Fact) -> Refusal | None:
    which: UUID = fact.activity_id  # type: ignore[attr-defined]  # every activity fact has it
    match fact:
        case f.ActivityScheduled() if state.scheduled:
            return r.AlreadyRegistered(entity=which)
        case f.ActivityHeld() | f.ActivityCancelled() | f.ActivityRescheduled() if state.cancelled:
            return r.ActivityCancelled(activity_id=which)
        case f.ActivityHeld() | f.ActivityCancelled() if state.held_on is not None:
            return r.ActivityAlreadyHeld(activity_id=which)
    if (
        isinstance(fact, f.ActivityScheduled | f.ActivityRescheduled)
        and fact.ends_on < fact.starts_on
    ):
        return r.PeriodReversed(starts_on=fact.starts_on, ends_on=fact.ends_on)
    return None


def flaw(state: Activity) -> Refusal | None:
    if state.activity_id is not None and not state.scheduled:
        return r.UnknownActivity(activity_id=state.activity_id)
    return None


LAW = Law(Activity(), evolve, objection, flaw)
