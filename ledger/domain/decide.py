"""Deciding on a fact: everything it is held to apart from the law of its own stream.

Pure: what is known comes in through `World`; a refusal is raised, or nothing happens.
"""

from collections.abc import Callable, Collection, Iterable
from datetime import date
from typing import Any, Final, Protocol
from uuid import UUID

from ledger.domain import facts as f
from ledger.domain import nuts, vocabulary
from ledger.domain import refusals as r
from ledger.domain.activity import Activity
from ledger.domain.cluster import Cluster
from ledger.domain.commands import Authority
from ledger.domain.facts import Fact
from ledger.domain.history import Entry, fold, standing
from ledger.domain.identifiers import is_identifier
from ledger.domain.laws import LAWS
from ledger.domain.organisation import Organisation
from ledger.domain.project import Project
from ledger.domain.streams import STREAMS, UNDATED, Kind, effective_day


class Stream:
    """A stream as the writer holds it: every fact by version, and the state of those that stand."""

    __slots__ = ("entries", "id", "kind", "last_day", "state")

    def __init__(
        self, kind: Kind, id: UUID, entries: list[Entry], state: Any, last_day: date
    ) -> None:
        self.kind = kind
        self.id = id
        self.entries = entries
        self.state = state
        self.last_day = last_day  # the effective day of the last fact in fold order

    @classmethod
    def of(cls, entries: list[Entry]) -> "Stream":
        """A stream folded from its entries in version order, at least one: the first is no void."""
        kind = STREAMS[type(entries[0].fact)][0]
        stream = cls(kind, entries[0].stream, entries, None, UNDATED)
        stream.refold()
        return stream

    def refold(self) -> None:
        """Fold the standing facts anew, lawful or not."""
        facts = standing(self.entries)
        self.last_day = effective_day(facts[-1].fact) if facts else UNDATED
        self.state = fold(LAWS[self.kind], facts)

    def copy(self) -> "Stream":
        """For a command to change; the original stays as it was before."""
        return Stream(self.kind, self.id, self.entries.copy(), self.state, self.last_day)

    @property
    def version(self) -> int:
        """The version of its last fact; 0 before the first."""
        return len(self.entries)


EMPTY: Final = {
    kind: Stream(kind, UUID(int=0), [], law.initial, UNDATED) for kind, law in LAWS.items()
}
"""A stream of each kind before its first fact."""


class World(Protocol):
    """What is known under the head lock, this command's own facts included."""

    space: UUID
    today: date
    head: int

    def stream(self, kind: Kind, id: UUID) -> Stream:
        """A stream; an empty one where there is none yet."""

    def cluster(self, code: str) -> Cluster:
        """The state of a cluster."""

    def organisation(self, organisation_id: UUID) -> Organisation:
        """The state of an organisation."""

    def is_organisation(self, organisation_id: UUID) -> bool:
        """Whether an organisation exists: all that most facts ask of it."""

    def activity(self, activity_id: UUID) -> Activity:
        """The state of an activity."""

    def project(self, project_id: UUID) -> Project:
        """The state of a project."""

    def mentioning(self, entity: UUID, kinds: Iterable[Kind] | None = None) -> Iterable[Stream]:
        """Streams that ever named an entity, of these kinds or of any."""

    def is_erased(self, person_ref: UUID) -> bool:
        """Whether a reference accepts no new fact."""

    def seats_taken(self, activity_id: UUID) -> int:
        """Standing registrations of an activity."""

    def stream_id(self, kind: Kind, key: object) -> UUID:
        """The id of a stream of this ledger."""


# 1. Is the fact plausible in itself?

_DAYS: Final = {
    "effective_on",
    "last_day",
    "starts_on",
    "ends_on",
    "held_on",
    "period_from",
    "period_to",
}
_DATES: Final[dict[type[Fact], tuple[str, ...]]] = {
    cls: tuple(n for n in cls.__struct_fields__ if n in _DAYS) for cls in f.FACTS.values()
}


def plausible(fact: Fact, *, today: date, head: int) -> None:
    """Days in range, nothing held in the future, codes and check digits right."""
    for field in _DATES[type(fact)]:
        day: date = getattr(fact, field)
        if not vocabulary.FIRST_DAY <= day <= vocabulary.LAST_DAY:
            raise r.DateOutOfRange(field=field, day=day)
    if type(fact) not in _SPECIAL:
        return
    match fact:
        case f.ActivityHeld() if fact.held_on > today:
            raise r.InTheFuture(field="held_on", day=fact.held_on, today=today)
        case f.OrganisationRegistered() | f.OrganisationIdentified():
            for identifier in fact.identifiers or ():
                if not is_identifier(identifier):
                    raise r.InvalidIdentifier(identifier=identifier)
            _plausible_region(fact)
        case f.OrganisationRelocated() | f.ActivityScheduled() | f.ActivityChanged():
            _plausible_region(fact)
        case f.OrganisationReclassified() if not vocabulary.is_code(fact.scheme, fact.code):
            raise r.UnknownCode(code=fact.code, scheme=fact.scheme)
        case f.PeriodClosed() | f.ReportPublished() if fact.known_at > head:
            raise r.PositionBeyondHead(position=fact.known_at, head=head)


def _plausible_region(fact: Any) -> None:
    code = getattr(fact, "nuts3", None)
    if code is not None and not nuts.is_nuts3(code):
        raise r.UnknownCode(code=code, scheme="NUTS 2024 in Bavaria")


_SPECIAL: Final = frozenset(
    {
        f.ActivityChanged,
        f.ActivityHeld,
        f.ActivityScheduled,
        f.OrganisationRegistered,
        f.OrganisationIdentified,
        f.OrganisationReclassified,
        f.OrganisationRelocated,
        f.PeriodClosed,
        f.ReportPublished,
    }
)


# 2. May this key record it?

ORGANISATIONS_WRITE: Final = "organisations:write"


def facts_write(cluster: str) -> str:
    """The scope that lets a key record facts of one cluster."""
    return f"facts:write:{cluster}"


def _covers(authority: Authority, clusters: Collection[str]) -> None:
    if authority.is_admin:
        return
    for cluster in clusters:  # any() takes three times as long, for nine facts of ten
        if cluster in authority.clusters and facts_write(cluster) in authority.scopes:
            return
    raise r.ClusterNotCovered(cluster=" / ".join(clusters) or "this activity")


def _needs(authority: Authority, scope: str) -> None:
    if not authority.has(scope):
        raise r.ScopeMissing(scope=scope)


def permitted(fact: Fact, authority: Authority, world: World) -> None:
    """A cluster app records only for clusters its key covers; organisations are shared by all."""
    if authority.is_admin:
        return
    kind = STREAMS[type(fact)][0]
    if kind is Kind.activity or kind is Kind.attendance:
        organisers = world.activity(fact.activity_id).organisers  # type: ignore[attr-defined]  # all have it
        _covers(authority, organisers or getattr(fact, "organisers", None) or ())
    elif kind is Kind.organisation:
        _needs(authority, ORGANISATIONS_WRITE)
    elif kind is Kind.membership:
        _covers(authority, (fact.cluster,))  # type: ignore[attr-defined]  # all have it
    elif kind is Kind.project or kind is Kind.enrolment:
        clusters = world.project(fact.project_id).clusters  # type: ignore[attr-defined]  # all have it
        _covers(authority, clusters or getattr(fact, "clusters", None) or ())
    elif kind is Kind.person:
        _needs(authority, "people:erase" if isinstance(fact, f.PersonErased) else "people:write")
    else:
        _needs(authority, "admin")


# 3. Does what it names exist, and accept it?


def _known_organisation(world: World, organisation_id: UUID) -> None:
    if not world.is_organisation(organisation_id):
        raise r.UnknownOrganisation(organisation_id=organisation_id)


def _known_clusters(world: World, codes: Iterable[str]) -> None:
    for code in codes:
        if not world.cluster(code).exists:
            raise r.UnknownCluster(cluster=code)


_NOBODY_COMES: Final = (f.AttendanceVoided, f.AttendanceWithdrawn)  # A | B is made anew each time


def _attendance(fact: Any, world: World) -> None:
    activity = world.activity(fact.activity_id)
    if not activity.exists:
        raise r.UnknownActivity(activity_id=fact.activity_id)
    if isinstance(fact, _NOBODY_COMES):
        _not_erased(fact, world)
        return
    if activity.cancelled:
        _not_erased(fact, world)
        raise r.ActivityCancelled(activity_id=fact.activity_id)
    welcome(fact, world)


def welcome(fact: Any, world: World) -> None:
    """What an attendance is held to for whoever comes, at an activity that takes place."""
    if world.is_erased(fact.person_ref):
        raise r.PersonErased(person_ref=fact.person_ref)
    if fact.organisation_id is not None and not world.is_organisation(fact.organisation_id):
        raise r.UnknownOrganisation(organisation_id=fact.organisation_id)


def _not_erased(fact: Any, world: World) -> None:
    if world.is_erased(fact.person_ref):
        raise r.PersonErased(person_ref=fact.person_ref)  # fact.voided still corrects the count


def _activity(fact: Any, world: World) -> None:
    if isinstance(fact, f.ActivityScheduled | f.ActivityChanged):
        _known_clusters(world, fact.organisers or ())
    if not isinstance(fact, f.ActivityScheduled) and not world.activity(fact.activity_id).exists:
        raise r.UnknownActivity(activity_id=fact.activity_id)


def _organisation(fact: Any, world: World) -> None:
    if not isinstance(fact, f.OrganisationRegistered):
        _known_organisation(world, fact.organisation_id)
    match fact:
        case f.OrganisationMarkedDuplicate():
            _known_organisation(world, fact.of)
        case f.OrganisationMerged():
            _known_organisation(world, fact.into)
        case f.OrganisationSplit():
            for heir in fact.into:
                _known_organisation(world, heir)


def _cluster(fact: Any, world: World) -> None:
    if not isinstance(fact, f.ClusterRegistered):
        _known_clusters(world, (fact.cluster,))


def _membership(fact: Any, world: World) -> None:
    _known_organisation(world, fact.organisation_id)
    _known_clusters(world, (fact.cluster,))


def _project(fact: Any, world: World) -> None:
    if isinstance(fact, f.ProjectProposed):
        _known_clusters(world, fact.clusters)
    elif not world.project(fact.project_id).exists:
        raise r.UnknownProject(project_id=fact.project_id)


def _enrolment(fact: Any, world: World) -> None:
    _known_organisation(world, fact.organisation_id)
    if not world.project(fact.project_id).exists:
        raise r.UnknownProject(project_id=fact.project_id)


_REFERENCES: Final[dict[Kind, Callable[[Any, World], None]]] = {
    Kind.attendance: _attendance,
    Kind.activity: _activity,
    Kind.organisation: _organisation,
    Kind.cluster: _cluster,
    Kind.membership: _membership,
    Kind.project: _project,
    Kind.enrolment: _enrolment,
}


def references(fact: Fact, world: World) -> None:
    """The things a fact names exist by what is known now, and accept it."""
    check = _REFERENCES.get(STREAMS[type(fact)][0])
    if check is not None:
        check(fact, world)
