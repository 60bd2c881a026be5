"""Rules over several streams: what must still hold once a command's facts stand.

Each check looks at one changed stream and at those it touches, and names the facts in the way.
"""

from collections.abc import Callable, Iterable
from typing import Any, Final
from uuid import UUID

from ledger.domain import refusals as r
from ledger.domain.activity import Activity
from ledger.domain.decide import Stream, World
from ledger.domain.facts import (
    ActivityChanged,
    ActivityScheduled,
    AttendanceRegistered,
    Fact,
    OrganisationMarkedDuplicate,
    OrganisationMerged,
)
from ledger.domain.history import VOIDS, Entry, Law, Unlawful, lawful, standing
from ledger.domain.laws import LAWS
from ledger.domain.organisation import Organisation
from ledger.domain.project import Enrolled, Project, enrolments_flaw
from ledger.domain.refusals import Refusal
from ledger.domain.streams import UNDATED, Kind, effective_day, mentions

IN_THE_WAY_MAX = 100
_EDGES = (OrganisationMarkedDuplicate, OrganisationMerged)


class Change:
    """One stream before and after a command, and the command's own facts in it.

    `item` is the index of the last of them in the command; `out_of_order`: a void, or a fact that
    takes effect before others, so that the stream is folded anew.
    """

    __slots__ = ("after", "before", "item", "new", "out_of_order")

    def __init__(self, before: Stream, after: Stream) -> None:
        self.before = before
        self.after = after
        self.new: list[Entry] = []
        self.item = 0
        self.out_of_order = False

    @property
    def voids(self) -> bool:
        """Whether the command takes a fact of this stream back."""
        return any(isinstance(e.fact, VOIDS) for e in self.new)

    def adds(self, *types: type[Fact]) -> bool:
        """Whether the command itself brings such a fact: then a void is not to blame."""
        return any(isinstance(e.fact, types) for e in self.new)


def shown(entry: Entry) -> dict[str, object]:
    """A fact in the way, as a problem names it."""
    return {
        "id": entry.id,
        "source": entry.source,
        "type": entry.fact.topic,
        "position": entry.position,
    }


def _in_the_way(refusal: Refusal, entries: list[Entry]) -> Refusal:
    refusal.case["in_the_way"] = [shown(e) for e in entries[:IN_THE_WAY_MAX]]
    return refusal


def refold(change: Change) -> None:
    """Fold a stream anew whose order a command changed. Raises the first refusal."""
    law = LAWS[change.after.kind]
    facts = standing(change.after.entries)
    outcome = lawful(law, facts)
    if isinstance(outcome, Unlawful):
        raise _blame(law, change, facts, outcome)
    change.after.state = outcome
    change.after.last_day = effective_day(facts[-1].fact) if facts else UNDATED


def _blame(law: Law[Any], change: Change, facts: list[Entry], outcome: Unlawful) -> Refusal:
    """A new fact that is unlawful itself answers with its refusal; else others are in the way."""
    mine = {e.position for e in change.new}
    if outcome.entry is not None and outcome.entry.position in mine:
        return outcome.refusal
    state = law.initial
    stopping: list[Entry] = []
    for entry in facts:
        if law.objection(state, entry.fact) is not None:
            stopping.append(entry)
        else:
            state = law.evolve(state, entry.fact)
    if not stopping:
        stopping = [e for e in _at_odds(law, facts) if e.position not in mine]
    return _in_the_way(r.VoidConflict() if change.voids else outcome.refusal, stopping)


def _at_odds(law: Law[Any], facts: list[Entry]) -> list[Entry]:
    """Facts without which, one after the other, the rest of a flawed stream is lawful."""
    state = law.initial
    odd: list[Entry] = []
    for entry in facts:
        after = law.evolve(state, entry.fact)
        if law.objection(state, entry.fact) is None and law.flaw(after) is None:
            state = after
        else:
            odd.append(entry)
    return odd


def check(change: Change, world: World) -> None:
    """Everything a changed stream may break elsewhere. Raises the first refusal."""
    for consequence in _CONSEQUENCES[change.after.kind]:
        consequence(change, world)


# Capacity


def _full(activity: Activity, taken: int) -> Refusal | None:
    if activity.capacity is None or taken <= activity.capacity:
        return None
    return r.CapacityReached(activity_id=activity.activity_id, capacity=activity.capacity)


def _capacity_after_attendance(change: Change, world: World) -> None:
    if not change.after.state.registered or change.before.state.registered:
        return
    activity_id: UUID = change.after.entries[0].fact.activity_id  # type: ignore[attr-defined]  # all have it
    refusal = _full(world.activity(activity_id), world.seats_taken(activity_id))
    if refusal is not None:
        adds = change.adds(AttendanceRegistered)
        raise refusal if adds else _seated(activity_id, change, world)


def _capacity_after_activity(change: Change, world: World) -> None:
    after: Activity = change.after.state
    if not after.exists or after.activity_id is None or after.capacity is None:
        return
    if after.capacity == change.before.state.capacity:
        return
    refusal = _full(after, world.seats_taken(after.activity_id))
    if refusal is not None:
        adds = change.adds(ActivityScheduled, ActivityChanged)
        raise refusal if adds else _seated(after.activity_id, change, world)


def _seated(activity_id: UUID, change: Change, world: World) -> Refusal:
    """The registrations that leave no room for what a void brings back."""
    registrations = [
        entry
        for stream in world.mentioning(activity_id, (Kind.attendance,))
        if stream.state.registered and stream.id != change.after.id
        for entry in standing(stream.entries)
        if isinstance(entry.fact, AttendanceRegistered)
    ]
    return _in_the_way(r.VoidConflict(), registrations)


# Identity


def _identity(change: Change, world: World) -> None:
    """The joint graph of duplicates and mergers has no circle."""
    before: Organisation = change.before.state
    after: Organisation = change.after.state
    edges = (after.duplicate_of, after.merged_into)
    if after.organisation_id is None or edges == (before.duplicate_of, before.merged_into):
        return
    seen: set[UUID] = set()
    ahead = [e for e in edges if e is not None]
    while ahead:
        current = ahead.pop()
        if current == after.organisation_id:
            if not change.adds(*_EDGES):
                raise _in_the_way(r.VoidConflict(), _identity_facts(seen, world))
            raise r.IdentityCircle(
                organisation_id=after.organisation_id, of=next(e for e in edges if e is not None)
            )
        if current not in seen:
            seen.add(current)
            state = world.organisation(current)
            ahead += [e for e in (state.duplicate_of, state.merged_into) if e is not None]


def _identity_facts(organisations: Iterable[UUID], world: World) -> list[Entry]:
    """The standing facts that make these organisations one with others."""
    return [
        entry
        for organisation_id in organisations
        for entry in standing(_organisation_stream(world, organisation_id).entries)
        if isinstance(entry.fact, _EDGES)
    ]


def _organisation_stream(world: World, organisation_id: UUID) -> Stream:
    return world.stream(Kind.organisation, world.stream_id(Kind.organisation, organisation_id))


def _person(change: Change, world: World) -> None:
    me: UUID = change.after.entries[0].fact.person_ref  # type: ignore[attr-defined]  # all have it
    current: UUID | None = change.after.state.duplicate_of
    seen: set[UUID] = set()
    while current is not None and current not in seen:
        if current == me:
            raise r.IdentityCircle(organisation_id=me, of=change.after.state.duplicate_of)
        seen.add(current)
        stream = world.stream(Kind.person, world.stream_id(Kind.person, current))
        current = stream.state.duplicate_of


# Dissolution and closing


def _dissolution(change: Change, world: World) -> None:
    """Nothing of an organisation becomes effective after its dissolution, which cuts its parts."""
    after: Organisation = change.after.state
    day = after.dissolved_on
    who: UUID = change.after.entries[0].fact.organisation_id  # type: ignore[attr-defined]  # all have it
    if day == change.before.state.dissolved_on:
        return
    streams = list(world.mentioning(who, (Kind.membership, Kind.enrolment)))
    late = [
        entry
        for stream in streams
        for entry in standing(stream.entries)
        if day is not None and effective_day(entry.fact) > day
    ]
    if late:
        raise _in_the_way(r.AfterDissolution(organisation_id=who, dissolved_on=day), late)
    for stream in streams:
        if stream.kind is Kind.enrolment:
            enrolment: Any = stream.entries[0].fact
            _enrolments_of(world, world.project(enrolment.project_id), change)


def _after_dissolution(change: Change, world: World, organisation_id: UUID) -> None:
    day = world.organisation(organisation_id).dissolved_on
    if day is None:
        return
    for entry in change.new:
        if not isinstance(entry.fact, VOIDS) and effective_day(entry.fact) > day:
            raise r.AfterDissolution(organisation_id=organisation_id, dissolved_on=day)


def _membership(change: Change, world: World) -> None:
    first: Any = change.after.entries[0].fact
    _after_dissolution(change, world, first.organisation_id)
    closed_on = world.cluster(first.cluster).closed_on
    if closed_on is None:
        return
    for entry in change.new:
        if not isinstance(entry.fact, VOIDS) and effective_day(entry.fact) > closed_on:
            raise r.ClusterClosed(cluster=first.cluster, closed_on=closed_on)


# Projects


def _enrolment(change: Change, world: World) -> None:
    first: Any = change.after.entries[0].fact
    _after_dissolution(change, world, first.organisation_id)
    _enrolments_of(world, world.project(first.project_id), change)


def _project(change: Change, world: World) -> None:
    before: Project = change.before.state
    after: Project = change.after.state
    if (before.started_on, before.last_day) != (after.started_on, after.last_day) and after.exists:
        _enrolments_of(world, after, change)


def _enrolments_of(world: World, project: Project, change: Change) -> None:
    if project.project_id is None:
        return
    streams: dict[UUID, Stream] = {
        s.entries[0].fact.organisation_id: s  # type: ignore[attr-defined]  # every enrolment fact has it
        for s in world.mentioning(project.project_id, (Kind.enrolment,))
    }
    flaw = enrolments_flaw(
        project,
        [
            Enrolled(who, s.state, world.organisation(who).dissolved_on)
            for who, s in streams.items()
        ],
    )
    if flaw is None:
        return
    at_odds = [
        entry
        for who, part in flaw.parts
        for entry in standing(streams[who].entries)
        if effective_day(entry.fact) in {part.from_day, part.to_day}
    ]
    new = {e.position for e in change.new}
    others = [entry for entry in at_odds if entry.position not in new]
    blameless = change.voids and len(others) == len(at_odds)
    raise _in_the_way(r.VoidConflict() if blameless else flaw.refusal, others)


# Existence


def _orphans(change: Change, world: World) -> None:
    """What was registered is no more: no standing fact may name it."""
    if not change.before.state.exists or change.after.state.exists:
        return
    kind = change.after.kind
    first: Any = change.after.entries[0].fact
    entity: UUID = change.after.id if kind is Kind.cluster else getattr(first, f"{kind.name}_id")
    orphans = [
        entry
        for stream in world.mentioning(entity)
        for entry in standing(stream.entries)
        if entity in mentions(world.space, entry.fact)
    ]
    if orphans:
        raise _in_the_way(r.VoidConflict(), orphans)


_CONSEQUENCES: Final[dict[Kind, tuple[Callable[[Change, World], None], ...]]] = {
    Kind.attendance: (_capacity_after_attendance,),
    Kind.activity: (_capacity_after_activity, _orphans),
    Kind.membership: (_membership,),
    Kind.organisation: (_identity, _dissolution, _orphans),
    Kind.enrolment: (_enrolment,),
    Kind.project: (_project, _orphans),
    Kind.cluster: (_orphans,),
    Kind.person: (_person,),
    Kind.period: (),
    Kind.report: (),
    Kind.code_list: (),
    Kind.log: (),
}
