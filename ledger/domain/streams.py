"""Which stream a fact belongs to, what it mentions, and on which day it takes effect.

A stream's id is `uuid5(namespace of the ledger's origin, kind + "/" + key parts joined by "/")`.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, timedelta
from enum import IntEnum
from functools import cache, lru_cache
from hashlib import sha1
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from msgspec import json, msgpack

from ledger.domain import facts as f
from ledger.domain.facts import Fact

UNDATED: Final = date.min
_NO_VERSION: Final = ~(0xF000 << 64 | 0xC000 << 48) & (1 << 128) - 1
_VERSION_5: Final = 5 << 76 | 0x8000 << 48
_ONE_DAY: Final = timedelta(days=1)
_json: Final = json.Encoder().encode
_uuid: Final = msgpack.Decoder(UUID).decode
"""From 16 bytes behind _SIXTEEN: an eighth of what UUID(int=…) takes, half of msgspec's convert."""
_uuids: Final = msgpack.Decoder(list[UUID]).decode
"""From _LIST, how many they are in four bytes, and each as above."""
_SIXTEEN: Final = b"\xc4\x10"
_LIST: Final = b"\xdd"
_VERSIONED: Final = bytes(byte & 0x0F | 0x50 for byte in range(256))
_VARIED: Final = bytes(byte & 0x3F | 0x80 for byte in range(256))
"""What the seventh and the ninth byte of a hash become."""


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


_KEYED_BY_IDS: Final = frozenset(
    {
        Kind.organisation,
        Kind.activity,
        Kind.attendance,
        Kind.project,
        Kind.enrolment,
        Kind.person,
    }
)


@cache
def _begun(space: int, kind: Kind) -> Any:
    """SHA-1 over what all streams of a kind begin with; `space` is the number of its id, which is
    hashed in C."""
    return sha1(space.to_bytes(16) + f"{kind.name}/".encode(), usedforsecurity=False)


def stream_id(space: UUID, kind: Kind, *key: object) -> UUID:
    """The id of one stream. RFC 9562, version 5."""
    digest = _begun(space.int, kind).copy()
    if kind in _KEYED_BY_IDS:  # a tenth of what str() of each takes
        digest.update(_json(key)[2:-2].replace(b'","', b"/"))
    else:
        digest.update("/".join(map(str, key)).encode())
    number = int.from_bytes(digest.digest()[:16]) & _NO_VERSION | _VERSION_5
    return _uuid(_SIXTEEN + number.to_bytes(16))


Key = Callable[[Any], tuple[object, ...]]


def _organisation(x: Any) -> tuple[object, ...]:
    return (x.organisation_id,)


def _cluster_code(x: Any) -> tuple[object, ...]:
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
    "cluster": (Kind.cluster, _cluster_code),
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


Place = tuple[Kind, tuple[object, ...]]
"""Kind and key parts of a stream."""


def key_of(fact: Fact) -> Place:
    """Kind and key parts of a fact's stream. KeyError for `fact.voided`."""
    kind, key = STREAMS[type(fact)]
    return kind, key(fact)


def stream_of(space: UUID, fact: Fact) -> tuple[Kind, UUID]:
    """Kind and id of a fact's stream. KeyError for `fact.voided`."""
    kind, key = STREAMS[type(fact)]
    return kind, stream_id(space, kind, *key(fact))


def streams_of(space: UUID, facts: Sequence[Fact]) -> list[tuple[Kind, UUID]]:
    """The same of many facts, whose keys and ids are spelled and read at once: a quarter less."""
    if len(facts) < _FEW:
        return [stream_of(space, fact) for fact in facts]
    places = [key_of(fact) for fact in facts]
    kinds = [kind for kind, _ in places]
    begun = {kind: _begun(space.int, kind) for kind in kinds}
    digests = []
    for kind, text in zip(kinds, _texts(places), strict=True):
        digest = begun[kind].copy()
        digest.update(text)
        digests.append(_SIXTEEN + digest.digest()[:16])
    packed = bytearray().join(digests)
    packed[8::18] = packed[8::18].translate(_VERSIONED)
    packed[10::18] = packed[10::18].translate(_VARIED)
    return list(zip(kinds, _uuids(_LIST + len(places).to_bytes(4) + packed), strict=True))


def _texts(places: Iterable[Place]) -> Iterator[bytes]:
    """What is hashed of each key."""
    ids = [key for kind, key in places if kind in _KEYED_BY_IDS]
    spelled = iter(_json(ids)[3:-3].replace(b'","', b"/").split(b'"],["'))
    for kind, key in places:
        yield next(spelled) if kind in _KEYED_BY_IDS else "/".join(map(str, key)).encode()


_FEW: Final = 5
"""For fewer facts each by itself takes less."""

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


def mentions(space: UUID, fact: Fact) -> tuple[UUID, ...]:
    """Other entities a fact names, each once: ids as they are, clusters by their stream's id.

    The person of an attendance is left out: no rule asks for it, and the read models know.
    """
    named = _NAMED.get(type(fact))
    return () if named is None else tuple(dict.fromkeys(named(space, fact)))


Named = Callable[[UUID, Any], Iterable[UUID]]


@lru_cache(maxsize=1_000)
def _cluster(space: int, code: str) -> UUID:
    """The id of a cluster's stream: few are named, by many facts; `space` as above."""
    return stream_id(UUID(int=space), Kind.cluster, code)


def _clusters(space: UUID, codes: Iterable[str]) -> list[UUID]:
    return [_cluster(space.int, code) for code in codes]


def _of_attendance(_: UUID, fact: Any) -> tuple[UUID, ...]:
    if fact.organisation_id is None:
        return (fact.activity_id,)
    return fact.activity_id, fact.organisation_id


def _of_membership(space: UUID, fact: Any) -> tuple[UUID, ...]:
    return fact.organisation_id, _cluster(space.int, fact.cluster)


_NAMED: Final[dict[type[Fact], Named]] = {
    f.AttendanceRecorded: _of_attendance,
    f.AttendanceRegistered: _of_attendance,
    f.AttendanceWithdrawn: lambda _, x: (x.activity_id,),
    f.AttendanceVoided: lambda _, x: (x.activity_id,),
    f.PersonMarkedDuplicate: lambda _, x: (x.of,),
    f.OrganisationMarkedDuplicate: lambda _, x: (x.of,),
    f.OrganisationMerged: lambda _, x: (x.into,),
    f.OrganisationSplit: lambda _, x: x.into,
    f.ProjectProposed: lambda space, x: _clusters(space, x.clusters),
    f.ActivityScheduled: lambda space, x: _clusters(space, x.organisers),
    f.ActivityChanged: lambda space, x: _clusters(space, x.organisers or ()),
    f.EnrolmentStarted: lambda _, x: (x.organisation_id, x.project_id),
    f.EnrolmentEnded: lambda _, x: (x.organisation_id, x.project_id),
    **{cls: _of_membership for cls, (kind, _) in STREAMS.items() if kind is Kind.membership},
}
"""What a fact names, apart from its own stream's entity. Others name nothing."""
