"""A membership of one organisation in one cluster: spells that never overlap."""

from datetime import date
from itertools import pairwise
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import facts as f
from ledger.domain import refusals as r
from ledger.domain.facts import Fact
from ledger.domain.history import Law
from ledger.domain.refusals import Refusal
from ledger.domain.streams import day_after


class Phase(Struct, frozen=True):
    """From `from_day` on, the spell has this category and is suspended or not."""

    from_day: date
    category: str | None
    suspended: bool = False


class Spell(Struct, frozen=True):
    """Days [from_day, to_day); to_day None: open."""

    from_day: date
    phases: tuple[Phase, ...]
    to_day: date | None = None
    cause: str | None = None

    def covers(self, day: date) -> bool:
        """Whether a day lies in the spell."""
        return self.from_day <= day and (self.to_day is None or day < self.to_day)


class Application(Struct, frozen=True):
    """Days [from_day, to_day); outcome None: pending."""

    from_day: date
    to_day: date | None = None
    outcome: str | None = None


class Membership(Struct, frozen=True):
    """Everything between one organisation and one cluster."""

    organisation_id: UUID | None = None
    cluster: str = ""
    spells: tuple[Spell, ...] = ()
    applications: tuple[Application, ...] = ()

    def spell_on(self, day: date) -> Spell | None:
        """The spell that covers a day; of several, the one that began first."""
        return next((s for s in self.spells if s.covers(day)), None)


def _swap(state: Membership, old: Spell, new: Spell) -> Membership:
    return replace(state, spells=tuple(new if s is old else s for s in state.spells))


def _phase(state: Membership, day: date, **changes: object) -> Membership:
    spell = state.spell_on(day)
    if spell is None:
        return state
    phase = replace(spell.phases[-1], from_day=day, **changes)
    kept = spell.phases[:-1] if spell.phases[-1].from_day == day else spell.phases
    return _swap(state, spell, replace(spell, phases=(*kept, phase)))


def _close_application(state: Membership, day: date, outcome: str) -> Membership:
    if not state.applications or state.applications[-1].outcome is not None:
        return state
    closed = replace(state.applications[-1], to_day=day, outcome=outcome)
    return replace(state, applications=(*state.applications[:-1], closed))


def evolve(state: Membership, fact: Fact) -> Membership:
    if state.organisation_id is None:
        state = replace(
            state,
            organisation_id=fact.organisation_id,  # type: ignore[attr-defined]  # every membership fact has both
            cluster=fact.cluster,  # type: ignore[attr-defined]  # the same
        )
    match fact:
        case f.MembershipApplied():
            return replace(
                state, applications=(*state.applications, Application(fact.effective_on))
            )
        case f.MembershipApplicationClosed():
            return _close_application(state, fact.effective_on, fact.outcome)
        case f.MembershipAdmitted():
            day = fact.effective_on
            state = _close_application(state, day, "admitted")
            return replace(state, spells=(*state.spells, Spell(day, (Phase(day, fact.category),))))
        case f.MembershipCategoryChanged():
            return _phase(state, fact.effective_on, category=fact.category)
        case f.MembershipSuspended():
            return _phase(state, fact.effective_on, suspended=True)
        case f.MembershipReinstated():
            return _phase(state, fact.effective_on, suspended=False)
        case f.MembershipEnded():
            spell = state.spell_on(fact.last_day)
            if spell is None:
                return state
            return _swap(
                state, spell, replace(spell, to_day=day_after(fact.last_day), cause=fact.cause)
            )
    return state


def objection(state: Membership, fact: Fact) -> Refusal | None:
    who: UUID = fact.organisation_id  # type: ignore[attr-defined]  # every membership fact has both
    where: str = fact.cluster  # type: ignore[attr-defined]  # the same
    pending = bool(state.applications) and state.applications[-1].outcome is None
    match fact:
        case f.MembershipApplied():
            if state.spell_on(fact.effective_on):
                return r.AlreadyAMember(organisation_id=who, cluster=where, day=fact.effective_on)
            return r.ApplicationPending(organisation_id=who, cluster=where) if pending else None
        case f.MembershipApplicationClosed():
            return None if pending else r.NoApplication(organisation_id=who, cluster=where)
        case f.MembershipEnded():
            spell = state.spell_on(fact.last_day)
            if spell is None or spell.to_day is not None:
                return r.NotAMember(organisation_id=who, cluster=where, day=fact.last_day)
        case f.MembershipCategoryChanged() | f.MembershipSuspended() | f.MembershipReinstated():
            spell = state.spell_on(fact.effective_on)
            if spell is None:
                return r.NotAMember(organisation_id=who, cluster=where, day=fact.effective_on)
            if isinstance(fact, f.MembershipSuspended) and spell.phases[-1].suspended:
                return r.AlreadySuspended(organisation_id=who, cluster=where)
            if isinstance(fact, f.MembershipReinstated) and not spell.phases[-1].suspended:
                return r.NotSuspended(organisation_id=who, cluster=where)
        case f.MembershipAdmitted():
            return _overlap(state, fact)
    return None


def _overlap(state: Membership, fact: f.MembershipAdmitted) -> Refusal | None:
    """An open spell may still be ended by a fact of the same day that comes later in the fold."""
    spell = state.spell_on(fact.effective_on)
    if spell is None or (spell.to_day is None and spell.from_day < fact.effective_on):
        return None
    return r.AlreadyAMember(
        organisation_id=fact.organisation_id, cluster=fact.cluster, day=fact.effective_on
    )


def flaw(state: Membership) -> Refusal | None:
    for earlier, later in pairwise(state.spells):
        if earlier.to_day is None or earlier.to_day > later.from_day:
            return r.AlreadyAMember(
                organisation_id=state.organisation_id, cluster=state.cluster, day=later.from_day
            )
    return None


LAW = Law(Membership(), evolve, objection, flaw)
