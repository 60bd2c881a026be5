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

from ledger.domain import facts as f
from ledger.domain.facts import Fact

UNDATED: Final = date.min
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


@lru_cache(maxsize=16)
def namespace(origin: str) -> UUID:
    """The namespace of a ledger's origin."""
    return uuid5(NAMESPACE_URL, origin)


def stream_id(space: UUID, kind: Kind, *key: object) -> UUID:
    """The id of one stream. RFC 9562, version 5."""
    name = kind.name + "/" + "/".join(map(str, key))
    digest = bytearray(sha1(space.bytes + name.encode(), usedforsecurity=False).digest()[:16])
    digest[6] = digest[6] & 0x0F | 0x50
    digest[8] = digest[8] & 0x3F | 0x80
    return UUID(bytes=bytes(digest))


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


def named_organisations(fact: Fact) -> tuple[UUID, ...]:
    """Organisations a fact names, its own stream's included."""
    if isinstance(fact, f.OrganisationSplit):
        return (fact.organisation_id, *fact.into)
    if isinstance(fact, f.OrganisationMarkedDuplicate):
        return (fact.organisation_id, fact.of)
    if isinstance(fact, f.OrganisationMerged):
        return (fact.organisation_id, fact.into)
    named: UUID | None = getattr(fact, "organisation_id", None)
    return () if named is None else (named,)


def named_clusters(fact: Fact) -> tuple[str, ...]:
    """Clusters a fact names, its own stream's included."""
    if isinstance(fact, f.ProjectProposed):
        return fact.clusters
    if isinstance(fact, f.ActivityScheduled | f.ActivityChanged):
        return fact.organisers or ()
    named: str | None = getattr(fact, "cluster", None)
    return () if named is None else (named,)


_MENTIONING: Final = frozenset(
    cls
    for cls, (kind, _) in STREAMS.items()
    if {
        "organisation_id",
        "cluster",
        "clusters",
        "organisers",
        "project_id",
        "activity_id",
        "person_ref",
    }
    & set(cls.__struct_fields__)
    and kind is not Kind.cluster
)


def mentions(space: UUID, fact: Fact) -> tuple[UUID, ...]:
    """Other entities a fact names: ids as they are, clusters by their stream's id."""
    cls = type(fact)
    if cls not in _MENTIONING:
        return ()
    kind = STREAMS[cls][0]
    named: list[UUID] = []
    if kind is Kind.attendance:
        named += (fact.activity_id, fact.person_ref)  # type: ignore[attr-defined]  # every attendance fact has both
    elif kind is Kind.enrolment:
        named.append(fact.project_id)  # type: ignore[attr-defined]  # every enrolment fact has it
    elif isinstance(fact, f.PersonMarkedDuplicate):
        named.append(fact.of)
    organisations = named_organisations(fact)
    named += organisations[1:] if kind is Kind.organisation else organisations
    named += (stream_id(space, Kind.cluster, c) for c in named_clusters(fact))
    return tuple(named)
