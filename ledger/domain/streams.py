"""Which stream a fact belongs to, what it mentions, and on which day it takes effect.

A stream's id is `uuid5(namespace of the ledger's origin, kind + "/" + key parts joined by "/")`.
"""

from collections.abc import Callable
from datetime import date, timedelta
from enum import IntEnum
from functools import lru_cache
from hashlib import sha1
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import convert, json

from ledger.domain import facts as f
from ledger.domain.facts import Fact

UNDATED: Final = date.min
_NO_VERSION: Final = ~(0xF000 << 64 | 0xC000 << 48) & (1 << 128) - 1
_VERSION_5: Final = 5 << 76 | 0x8000 << 48
_ONE_DAY: Final = timedelta(days=1)


class Kind(IntEnum):
    """The kinds of stream. Numbers are stored; never renumber."""

    cluster = 1
    organisation = 2
    membership = 3
    activity = 4
    attendance = 5
    project = 6
    enrolment = 7
    person = 8
    period = 9
    report = 10
    code_list = 11
    log = 12

    # An enumeration's own hash is Python code, and every fact is looked up by its kind.
    __hash__ = int.__hash__


@lru_cache(maxsize=16)
def namespace(origin: str) -> UUID:
    """The namespace of a ledger's origin."""
    return uuid5(NAMESPACE_URL, origin)


_BEGUN: Final[dict[tuple[int, int], Any]] = {}


def _begun(space: UUID, kind: Kind) -> Any:
    """SHA-1 over what all streams of a kind begin with."""
    place = (space.int, kind)  # a UUID is hashed in Python, its number is not
    begun = _BEGUN.get(place)
    if begun is None:
        begun = _BEGUN[place] = sha1(space.bytes + f"{kind.name}/".encode(), usedforsecurity=False)
    return begun


def stream_id(space: UUID, kind: Kind, *key: object) -> UUID:
    """The id of one stream. RFC 9562, version 5."""
    digest = _begun(space, kind).copy()
    digest.update(b"/".join([_text(part) for part in key]))
    number = int.from_bytes(digest.digest()[:16]) & _NO_VERSION | _VERSION_5
    return convert(number.to_bytes(16), UUID)  # a quarter of what UUID(int=…) takes


def _text(part: object) -> bytes:
    """One part of a stream's key."""
    if type(part) is UUID:
        return json.encode(part)[1:-1]  # a seventh of what str() takes
    return str(part).encode()


Key = Callable[[Any], tuple[object, ...]]


def _organisation(x: Any) -> tuple[object, ...]:
    return (x.organisation_id,)


def _cluster(x: Any) -> tuple[object, ...]:
    return (x.cluster,)


def _membership(x: Any) -> tuple[object, ...]:
    return (x.organisation_id, x.cluster)


def _activity(x: Any) -> tuple[object, ...]:
    return (x.activity_id,)


def _attendance(x: Any) -> tuple[object, ...]:
    return (x.activity_id, x.person_ref)


def _project(x: Any) -> tuple[object, ...]:
    return (x.project_id,)


def _enrolment(x: Any) -> tuple[object, ...]:
    return (x.project_id, x.organisation_id)


def _person(x: Any) -> tuple[object, ...]:
    return (x.person_ref,)


_BY_PREFIX: Final[dict[str, tuple[Kind, Key]]] = {
    "cluster": (Kind.cluster, _cluster),
    "organisation": (Kind.organisation, _organisation),
    "membership": (Kind.membership, _membership),
    "activity": (Kind.activity, _activity),
    "headcount": (Kind.activity, _activity),
    "attendance_list": (Kind.activity, _activity),
    "attendance": (Kind.attendance, _attendance),
    "project": (Kind.project, _project),
    "enrolment": (Kind.enrolment, _enrolment),
    "person": (Kind.person, _person),
    "period": (Kind.period, lambda x: (x.period_from, x.period_to)),
    "report": (Kind.report, lambda x: (x.report.partition("@")[0],)),
    "code_list": (Kind.code_list, lambda x: (x.scheme,)),
    "log": (Kind.log, lambda _: ()),
}

STREAMS: Final[dict[type[Fact], tuple[Kind, Key]]] = {
    cls: _BY_PREFIX[topic.partition(".")[0]]
    for topic, cls in f.FACTS.items()
    if cls is not f.FactVoided
}
"""Kind and key of every fact but `fact.voided`, which is written to its target's stream."""


def key_of(fact: Fact) -> tuple[Kind, tuple[object, ...]]:
    """Kind and key parts of a fact's stream. KeyError for `fact.voided`."""
    kind, key = STREAMS[type(fact)]
    return kind, key(fact)


def stream_of(space: UUID, fact: Fact) -> tuple[Kind, UUID]:
    """Kind and id of a fact's stream. KeyError for `fact.voided`."""
    kind, key = STREAMS[type(fact)]
    return kind, stream_id(space, kind, *key(fact))


_DAY_FIELDS: Final[dict[type[Fact], tuple[str, bool]]] = {
    cls: ("effective_on", False) if "effective_on" in cls.__struct_fields__ else ("last_day", True)
    for cls in f.FACTS.values()
    if "effective_on" in cls.__struct_fields__ or "last_day" in cls.__struct_fields__
}


def effective_day(fact: Fact) -> date:
    """The day that orders a fact in its stream: `effective_on`, or `last_day` + 1, or UNDATED."""
    place = _DAY_FIELDS.get(type(fact))
    if place is None:
        return UNDATED
    day: date = getattr(fact, place[0])
    return day + _ONE_DAY if place[1] else day


def day_after(day: date) -> date:
    """The first day of the state that follows an inclusive last day."""
    return day + _ONE_DAY


def _organisations(fact: Fact) -> tuple[UUID, ...]:
    """Organisations a fact names, apart from its own stream's."""
    match fact:
        case f.OrganisationSplit():
            return fact.into
        case f.OrganisationMarkedDuplicate():
            return (fact.of,)
        case f.OrganisationMerged():
            return (fact.into,)
    if STREAMS[type(fact)][0] in {Kind.membership, Kind.enrolment}:
        return (fact.organisation_id,)  # type: ignore[attr-defined]  # all of these have it
    return ()


def _clusters(fact: Fact) -> tuple[str, ...]:
    """Clusters a fact names, apart from its own stream's."""
    match fact:
        case f.ProjectProposed():
            return fact.clusters
        case f.ActivityScheduled() | f.ActivityChanged():
            return fact.organisers or ()
    if STREAMS[type(fact)][0] is Kind.membership:
        return (fact.cluster,)  # type: ignore[attr-defined]  # all of these have it
    return ()


def attended(fact: Fact) -> tuple[UUID, UUID | None] | None:
    """(activity, organisation) that a fact of an attendance says somebody came, or comes, for."""
    if isinstance(fact, f.AttendanceRecorded | f.AttendanceRegistered):
        return fact.activity_id, fact.organisation_id
    return None


def mentions(space: UUID, fact: Fact) -> tuple[UUID, ...]:
    """Other entities a fact names, each once: ids as they are, clusters by their stream's id.

    The person of an attendance is left out: no rule asks for it, and the read models know.
    """
    match fact:
        case f.FactVoided():
            return ()
        case f.AttendanceRecorded() | f.AttendanceRegistered():
            organisation_id = fact.organisation_id
            return (fact.activity_id,) + (() if organisation_id is None else (organisation_id,))
        case f.AttendanceWithdrawn() | f.AttendanceVoided():
            return (fact.activity_id,)
        case f.PersonMarkedDuplicate():
            return (fact.of,)
    named = [*_organisations(fact), *(stream_id(space, Kind.cluster, c) for c in _clusters(fact))]
    if isinstance(fact, f.EnrolmentStarted | f.EnrolmentEnded):
        named.append(fact.project_id)
    return tuple(dict.fromkeys(named))
