"""An organisation: its classes over time, and with which others it is one."""

from datetime import date
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import facts as f
from ledger.domain import refusals as r
from ledger.domain.facts import Fact
from ledger.domain.history import Law
from ledger.domain.refusals import Refusal
from ledger.domain.streams import effective_day


class Profile(Struct, frozen=True):
    """What an organisation is from a day on."""

    name: str | None = None
    kind: str | None = None
    nuts3: str | None = None
    ags: str | None = None
    spatial: str | None = None
    size_class: str | None = None
    nace: str | None = None


class Organisation(Struct, frozen=True):
    """`profiles` are (first day, profile) in fold order; several of one day: the last one holds."""

    organisation_id: UUID | None = None
    registered: int = 0
    profiles: tuple[tuple[date, Profile], ...] = ()
    identifiers: tuple[str, ...] = ()
    duplicate_of: UUID | None = None
    merged_into: UUID | None = None
    merged_on: date | None = None
    split_into: tuple[UUID, ...] = ()
    split_on: date | None = None
    dissolved_on: date | None = None

    @property
    def exists(self) -> bool:
        """Whether its registration stands."""
        return self.registered > 0

    @property
    def profile(self) -> Profile:
        """The latest profile."""
        return self.profiles[-1][1] if self.profiles else Profile()


def _with(state: Organisation, day: date, profile: Profile) -> Organisation:
    kept = (
        state.profiles[:-1] if state.profiles and state.profiles[-1][0] == day else state.profiles
    )
    return replace(state, profiles=(*kept, (day, profile)))


def _registered(state: Organisation, fact: f.OrganisationRegistered) -> Organisation:
    profile = Profile(
        fact.name, fact.kind, fact.nuts3, fact.ags, fact.spatial, fact.size_class, fact.nace
    )
    state = _with(state, fact.effective_on, profile)
    return replace(
        state,
        registered=state.registered + 1,
        identifiers=_union(state.identifiers, fact.identifiers or ()),
    )


def _union(known: tuple[str, ...], added: tuple[str, ...]) -> tuple[str, ...]:
    return (*known, *(i for i in dict.fromkeys(added) if i not in known))


def evolve(state: Organisation, fact: Fact) -> Organisation:
    if state.organisation_id is None:
        who: UUID = fact.organisation_id  # type: ignore[attr-defined]  # every organisation fact has it
        state = replace(state, organisation_id=who)
    match fact:
        case f.OrganisationRegistered():
            return _registered(state, fact)
        case f.OrganisationRenamed():
            return _with(state, fact.effective_on, replace(state.profile, name=fact.name))
        case f.OrganisationRelocated():
            moved = replace(state.profile, nuts3=fact.nuts3, ags=fact.ags, spatial=fact.spatial)
            return _with(state, fact.effective_on, moved)
        case f.OrganisationReclassified():
            return _with(
                state, fact.effective_on, replace(state.profile, **{fact.scheme: fact.code})
            )
        case f.OrganisationIdentified():
            return replace(state, identifiers=_union(state.identifiers, fact.identifiers))
        case f.OrganisationMarkedDuplicate():
            return replace(state, duplicate_of=fact.of)
        case f.OrganisationDuplicateReverted():
            return replace(state, duplicate_of=None)
        case f.OrganisationMerged():
            return replace(state, merged_into=fact.into, merged_on=fact.effective_on)
        case f.OrganisationSplit():
            return replace(state, split_into=fact.into, split_on=fact.effective_on)
        case f.OrganisationDissolved():
            return replace(state, dissolved_on=fact.effective_on)
    return state


def objection(state: Organisation, fact: Fact) -> Refusal | None:
    who: UUID = fact.organisation_id  # type: ignore[attr-defined]  # every organisation fact has it
    if state.dissolved_on is not None and effective_day(fact) > state.dissolved_on:
        return r.AfterDissolution(organisation_id=who, dissolved_on=state.dissolved_on)
    match fact:
        case f.OrganisationRegistered() if state.registered:
            return r.AlreadyRegistered(entity=who)
        case f.OrganisationMarkedDuplicate() if state.duplicate_of is not None:
            return r.AlreadyDuplicate(organisation_id=who, of=state.duplicate_of)
        case f.OrganisationDuplicateReverted() if state.duplicate_of is None:
            return r.NotADuplicate(organisation_id=who)
        case f.OrganisationMerged() if state.merged_into is not None:
            return r.AlreadyMerged(organisation_id=who, into=state.merged_into)
        case f.OrganisationDissolved() if state.dissolved_on is not None:
            return r.AlreadyDissolved(organisation_id=who, dissolved_on=state.dissolved_on)
    return None


def flaw(state: Organisation) -> Refusal | None:
    if state.organisation_id is not None and not state.registered:
        return r.UnknownOrganisation(organisation_id=state.organisation_id)
    return None


LAW = Law(Organisation(), evolve, objection, flaw)
