"""What a batch asks the book for: before the lock what it names, under it what rules look at."""

from collections.abc import Iterable, Sequence
from typing import Any, Final
from uuid import UUID

from ledger.domain import facts as f
from ledger.domain.streams import Kind, mentions
from ledger.store import codec
from ledger.store.batch import Slip, Wanted
from ledger.store.desk import Desk

# Nine facts in ten look these up: a global is cheaper than an enumeration's member.
_ATTENDANCE: Final = Kind.attendance
_ACTIVITY: Final = Kind.activity
_ORGANISATION: Final = Kind.organisation
_ENROLMENT: Final = Kind.enrolment
_OF_PROJECTS: Final = frozenset({Kind.project, Kind.enrolment})
_OF_THEIR_KIND: Final = frozenset({Kind.organisation, Kind.person})
"""What these name are others of their kind, of which they are a duplicate, a part or a heir."""
_PARTS: Final = (Kind.membership, Kind.enrolment)


def wanted_by(desk: Desk, batch: Iterable[Sequence[Slip]]) -> Wanted:
    """What a batch certainly asks for."""
    wanted = Wanted([], {}, {}, [], [], {}, {})
    seen: set[int] = set()
    for slips in batch:
        for slip in slips:
            fact, id = slip.incoming.fact, slip.stream
            wanted.keys.append(slip.key)
            if slip.kind is None or id is None:
                assert isinstance(fact, f.FactVoided)
                source = fact.target_source or slip.incoming.source
                wanted.targets.append(codec.event_digest(source, fact.target))
            elif slip.kind is _ATTENDANCE:
                if not desk.keeps(id):
                    came = type(fact) is f.AttendanceRecorded
                    (wanted.firsts if came else wanted.streams)[id.int] = id
                _want_attended(desk, wanted, fact, seen)
            else:
                _want(desk, wanted, slip.kind, id, fact)
    for number in wanted.streams:  # asked for in any case
        wanted.firsts.pop(number, None)
    return wanted


def _want(desk: Desk, wanted: Wanted, kind: Kind, id: UUID, fact: Any) -> None:
    _want_stream(desk, wanted, id)
    if kind in _OF_PROJECTS:
        wanted.projects[fact.project_id.int] = fact.project_id
    elif kind in _OF_THEIR_KIND:
        for other in mentions(desk.space, fact):
            _want_stream(desk, wanted, desk.stream_id(kind, other))
        if type(fact) is f.OrganisationDissolved:
            wanted.dissolved[fact.organisation_id.int] = fact.organisation_id
    organisation_id = getattr(fact, "organisation_id", None)
    if organisation_id is not None and kind is not _ORGANISATION:
        _want_stream(desk, wanted, desk.stream_id(_ORGANISATION, organisation_id))


def _want_attended(desk: Desk, wanted: Wanted, fact: Any, seen: set[int]) -> None:
    """Who comes, to what, for whom; `seen` were named before by attendances of the batch."""
    wanted.persons.append(fact.person_ref)
    if fact.activity_id.int not in seen:
        seen.add(fact.activity_id.int)
        _want_stream(desk, wanted, desk.stream_id(_ACTIVITY, fact.activity_id))
    organisation_id = getattr(fact, "organisation_id", None)
    if organisation_id is not None and organisation_id.int not in seen:
        seen.add(organisation_id.int)
        id = desk.stream_id(_ORGANISATION, organisation_id)
        if not desk.is_known(id):
            _want_stream(desk, wanted, id)


def _want_stream(desk: Desk, wanted: Wanted, id: UUID) -> None:
    if not desk.keeps(id):
        wanted.streams[id.int] = id


def foresee(desk: Desk, wanted: Wanted) -> None:
    """Read what rules over several streams will look at, for all facts of a batch at once.

    One by one they ask amid a copy, which ends there and begins anew. Only for who may wait.
    """
    targets = [desk.known(key) for key in wanted.targets]
    voided = [codec.read_leaf(target.state).stream for target in targets if target is not None]
    dissolved, projects = wanted.dissolved.values(), wanted.projects.copy()
    desk.mentions.know([*dissolved, *projects.values()])
    parts = {
        id: kind for who in dissolved for id, kind in desk.mentions.streams(who, _PARTS).items()
    }
    desk.read_missing([*voided, *parts])
    for project_id in (_first(desk, id).project_id for id, k in parts.items() if k is _ENROLMENT):
        projects[project_id.int] = project_id
    desk.mentions.know(projects.values())
    enrolments = [
        stream
        for project_id in projects.values()
        for stream in desk.mentions.streams(project_id, (_ENROLMENT,))
    ]
    desk.read_missing(
        [*enrolments, *(desk.stream_id(Kind.project, id) for id in projects.values())]
    )
    desk.read_missing(
        {desk.stream_id(_ORGANISATION, _first(desk, id).organisation_id) for id in enrolments}
    )


def _first(desk: Desk, enrolment: UUID) -> Any:
    """The fact that began an enrolment."""
    return desk.stream(_ENROLMENT, enrolment).entries[0].fact
