"""The small streams: persons, closed periods, filed reports, code lists, the log's keys."""

from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import facts as f
from ledger.domain import refusals as r
from ledger.domain.facts import Fact
from ledger.domain.history import Law
from ledger.domain.refusals import Refusal


class Person(Struct, frozen=True):
    """A reference to a person; who that is stands in the vault, if anywhere."""

    sealed: bool = False
    duplicate_of: UUID | None = None
    erased: bool = False


def _evolve_person(state: Person, fact: Fact) -> Person:
    match fact:
        case f.PersonSealed():
            return replace(state, sealed=True)
        case f.PersonMarkedDuplicate():
            return replace(state, duplicate_of=fact.of)
        case f.PersonErased():
            return replace(state, erased=True)
    return state


def _object_person(state: Person, fact: Fact) -> Refusal | None:
    who: UUID = fact.person_ref  # type: ignore[attr-defined]  # every person fact has it
    if state.erased:
        return r.PersonErased(person_ref=who)
    match fact:
        case f.PersonSealed() if state.sealed:
            return r.AlreadySealed(person_ref=who)
        case f.PersonMarkedDuplicate() if state.duplicate_of is not None:
            return r.AlreadyDuplicate(organisation_id=who, of=state.duplicate_of)
    return None


PERSON_LAW = Law(Person(), _evolve_person, _object_person, lambda _: None)


class Filed(Struct, frozen=True):
    """How often something was filed in a stream, and which editions."""

    times: int = 0
    editions: tuple[str, ...] = ()


def _evolve_filed(state: Filed, fact: Fact) -> Filed:
    editions = state.editions
    if isinstance(fact, f.CodeListPublished):
        editions = (*editions, fact.edition)
    return Filed(state.times + 1, editions)


def _object_filed(state: Filed, fact: Fact) -> Refusal | None:
    match fact:
        case f.PeriodClosed() if state.times:
            return r.PeriodAlreadyClosed(period_from=fact.period_from, period_to=fact.period_to)
        case f.CodeListPublished() if fact.edition in state.editions:
            return r.EditionAlreadyPublished(edition=fact.edition, scheme=fact.scheme)
    if isinstance(fact, f.PeriodClosed | f.ReportPublished) and fact.period_to < fact.period_from:
        return r.PeriodReversed(starts_on=fact.period_from, ends_on=fact.period_to)
    return None


FILED_LAW = Law(Filed(), _evolve_filed, _object_filed, lambda _: None)
