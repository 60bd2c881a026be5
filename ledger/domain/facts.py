"""Every fact: a frozen struct with its permanent topic. The contract with cluster apps.

A topic (``attendance.recorded.v1``) is never renamed and never depends on a class name. A changed
meaning is a new topic version, with an upcast in ``ledger.store.codec``.
"""

from collections.abc import Callable
from datetime import date
from typing import Annotated, ClassVar, Final, Literal, TypeVar
from uuid import UUID

from msgspec import Meta, Struct

from ledger.domain import vocabulary as v


class Fact(
    Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, forbid_unknown_fields=True
):
    """Something that happened. Every fact may point to its evidence."""

    topic: ClassVar[str] = ""
    note_ref: v.NoteRef | None = None


FACTS: Final[dict[str, type[Fact]]] = {}
F = TypeVar("F", bound=type[Fact])

Codes = Annotated[tuple[v.ClusterCode, ...], Meta(min_length=1, max_length=50)]
Organisations = Annotated[tuple[UUID, ...], Meta(min_length=1, max_length=50)]
Identifiers = Annotated[tuple[v.Identifier, ...], Meta(min_length=1, max_length=20)]


def fact(topic: str) -> Callable[[F], F]:
    """Enter a fact into the closed registry under its permanent topic."""

    def enter(cls: F) -> F:
        if topic in FACTS:
            raise ValueError(f"topic {topic} is taken")
        cls.topic = topic
        FACTS[topic] = cls
        return cls

    return enter


@fact("cluster.registered.v1")
class ClusterRegistered(Fact, frozen=True, gc=False):
    """A cluster joined the programme."""

    cluster: v.ClusterCode
    name: v.Name
    effective_on: date


@fact("cluster.renamed.v1")
class ClusterRenamed(Fact, frozen=True, gc=False):
    """A cluster bears a new name from a day on."""

    cluster: v.ClusterCode
    name: v.Name
    effective_on: date


@fact("cluster.closed.v1")
class ClusterClosed(Fact, frozen=True, gc=False):
    """A cluster left the programme; it cuts open spells the day before."""

    cluster: v.ClusterCode
    effective_on: date


@fact("organisation.registered.v1")
class OrganisationRegistered(Fact, frozen=True, gc=False):
    """An organisation is known to the programme."""

    organisation_id: UUID
    name: v.Name
    kind: v.OrganisationKind
    effective_on: date
    nuts3: v.Nuts3 | None = None
    ags: v.Ags | None = None
    spatial: v.Spatial | None = None
    size_class: v.SizeClass | None = None
    nace: v.Nace | None = None
    identifiers: Identifiers | None = None


@fact("organisation.renamed.v1")
class OrganisationRenamed(Fact, frozen=True, gc=False):
    """An organisation bears a new name from a day on."""

    organisation_id: UUID
    name: v.Name
    effective_on: date


@fact("organisation.identified.v1")
class OrganisationIdentified(Fact, frozen=True, gc=False):
    """Identifiers of an organisation became known; they are added."""

    organisation_id: UUID
    identifiers: Identifiers


@fact("organisation.relocated.v1")
class OrganisationRelocated(Fact, frozen=True, gc=False):
    """An organisation moved; without `spatial` that class is unknown from then on."""

    organisation_id: UUID
    nuts3: v.Nuts3
    effective_on: date
    ags: v.Ags | None = None
    spatial: v.Spatial | None = None


@fact("organisation.reclassified.v1")
class OrganisationReclassified(Fact, frozen=True, gc=False):
    """An organisation is of another class from a day on."""

    organisation_id: UUID
    scheme: v.Scheme
    code: v.Label
    effective_on: date
    edition: v.Label | None = None
    basis: v.Reason | None = None


@fact("organisation.marked_duplicate.v1")
class OrganisationMarkedDuplicate(Fact, frozen=True, gc=False):
    """Two records are, and always were, one organisation."""

    organisation_id: UUID
    of: UUID
    reason: v.Reason


@fact("organisation.duplicate_reverted.v1")
class OrganisationDuplicateReverted(Fact, frozen=True, gc=False):
    """The two records are two organisations after all."""

    organisation_id: UUID
    reason: v.Reason


@fact("organisation.merged.v1")
class OrganisationMerged(Fact, frozen=True, gc=False):
    """An organisation was absorbed by another one on a day."""

    organisation_id: UUID
    into: UUID
    effective_on: date


@fact("organisation.split.v1")
class OrganisationSplit(Fact, frozen=True, gc=False):
    """An organisation was divided into others on a day."""

    organisation_id: UUID
    into: Organisations
    effective_on: date


@fact("organisation.dissolved.v1")
class OrganisationDissolved(Fact, frozen=True, gc=False):
    """An organisation ceased to exist; it cuts open spells and enrolments the day before."""

    organisation_id: UUID
    effective_on: date


@fact("membership.applied.v1")
class MembershipApplied(Fact, frozen=True, gc=False):
    """An organisation asked to become a member."""

    organisation_id: UUID
    cluster: v.ClusterCode
    effective_on: date


@fact("membership.application_closed.v1")
class MembershipApplicationClosed(Fact, frozen=True, gc=False):
    """An application ended without a membership."""

    organisation_id: UUID
    cluster: v.ClusterCode
    effective_on: date
    outcome: Literal["declined", "withdrawn"]


@fact("membership.admitted.v1")
class MembershipAdmitted(Fact, frozen=True, gc=False):
    """An organisation is a member from a day on."""

    organisation_id: UUID
    cluster: v.ClusterCode
    effective_on: date
    category: v.Category | None = None


@fact("membership.category_changed.v1")
class MembershipCategoryChanged(Fact, frozen=True, gc=False):
    """A member is of another category from a day on."""

    organisation_id: UUID
    cluster: v.ClusterCode
    category: v.Category
    effective_on: date


@fact("membership.suspended.v1")
class MembershipSuspended(Fact, frozen=True, gc=False):
    """A membership rests from a day on; it still counts."""

    organisation_id: UUID
    cluster: v.ClusterCode
    effective_on: date


@fact("membership.reinstated.v1")
class MembershipReinstated(Fact, frozen=True, gc=False):
    """A suspended membership is in force again."""

    organisation_id: UUID
    cluster: v.ClusterCode
    effective_on: date


@fact("membership.ended.v1")
class MembershipEnded(Fact, frozen=True, gc=False):
    """A membership ended with its last day."""

    organisation_id: UUID
    cluster: v.ClusterCode
    last_day: date
    cause: v.EndCause


@fact("activity.scheduled.v1")
class ActivityScheduled(Fact, frozen=True, gc=False):
    """An activity is planned; the first organiser leads."""

    activity_id: UUID
    title: v.Name
    kind: v.ActivityKind
    mode: v.Mode
    organisers: Codes
    starts_on: date
    ends_on: date
    nuts3: v.Nuts3 | None = None
    capacity: v.Count | None = None


@fact("activity.rescheduled.v1")
class ActivityRescheduled(Fact, frozen=True, gc=False):
    """An activity takes place on other days."""

    activity_id: UUID
    starts_on: date
    ends_on: date


@fact("activity.changed.v1")
class ActivityChanged(Fact, frozen=True, gc=False):
    """What is announced of an activity changed; what is left out stays."""

    activity_id: UUID
    title: v.Name | None = None
    organisers: Codes | None = None
    capacity: v.Count | None = None
    nuts3: v.Nuts3 | None = None


@fact("activity.held.v1")
class ActivityHeld(Fact, frozen=True, gc=False):
    """An activity took place."""

    activity_id: UUID
    held_on: date


@fact("activity.cancelled.v1")
class ActivityCancelled(Fact, frozen=True, gc=False):
    """An activity does not take place."""

    activity_id: UUID
    reason: v.Reason | None = None


@fact("attendance.registered.v1")
class AttendanceRegistered(Fact, frozen=True, gc=False):
    """A person signed up for an activity."""

    activity_id: UUID
    person_ref: UUID
    organisation_id: UUID | None = None


@fact("attendance.withdrawn.v1")
class AttendanceWithdrawn(Fact, frozen=True, gc=False):
    """A registration was taken back."""

    activity_id: UUID
    person_ref: UUID


@fact("attendance.recorded.v1")
class AttendanceRecorded(Fact, frozen=True, gc=False):
    """A person took part in an activity. Counted once per person and activity."""

    activity_id: UUID
    person_ref: UUID
    organisation_id: UUID | None = None


@fact("attendance.voided.v1")
class AttendanceVoided(Fact, frozen=True, gc=False):
    """All standing facts of this person at this activity were wrong."""

    activity_id: UUID
    person_ref: UUID
    reason: v.Reason


@fact("headcount.recorded.v1")
class HeadcountRecorded(Fact, frozen=True, gc=False):
    """People were counted: all of them (`total`) or those on no list (`unlisted`)."""

    activity_id: UUID
    count: v.Count
    scope: v.HeadcountScope


@fact("attendance_list.imported.v1")
class AttendanceListImported(Fact, frozen=True, gc=False):
    """A list of attendances was taken in; `complete` says that it names everybody."""

    activity_id: UUID
    sha256: v.Sha256
    rows: v.Count
    complete: bool


@fact("project.proposed.v1")
class ProjectProposed(Fact, frozen=True, gc=False):
    """A project was proposed; the first cluster leads."""

    project_id: UUID
    title: v.Name
    clusters: Codes
    effective_on: date


@fact("project.approved.v1")
class ProjectApproved(Fact, frozen=True, gc=False):
    """A project was approved with its volume and grant."""

    project_id: UUID
    volume_cents: v.Cents
    grant_cents: v.Cents
    effective_on: date


@fact("project.grant_changed.v1")
class ProjectGrantChanged(Fact, frozen=True, gc=False):
    """A project's volume and grant are others from a day on."""

    project_id: UUID
    volume_cents: v.Cents
    grant_cents: v.Cents
    effective_on: date


@fact("project.started.v1")
class ProjectStarted(Fact, frozen=True, gc=False):
    """A project runs from a day on."""

    project_id: UUID
    effective_on: date


@fact("project.ended.v1")
class ProjectEnded(Fact, frozen=True, gc=False):
    """A project ended with its last day, and its open enrolments with it."""

    project_id: UUID
    last_day: date
    outcome: Literal["completed", "aborted"]


@fact("enrolment.started.v1")
class EnrolmentStarted(Fact, frozen=True, gc=False):
    """An organisation takes part in a project from a day on."""

    project_id: UUID
    organisation_id: UUID
    role: v.Role
    effective_on: date


@fact("enrolment.ended.v1")
class EnrolmentEnded(Fact, frozen=True, gc=False):
    """An organisation's part in a project ended with its last day."""

    project_id: UUID
    organisation_id: UUID
    last_day: date


@fact("person.sealed.v1")
class PersonSealed(Fact, frozen=True, gc=False):
    """The vault holds what this commitment stands for."""

    person_ref: UUID
    pdc: v.Sha256


@fact("person.marked_duplicate.v1")
class PersonMarkedDuplicate(Fact, frozen=True, gc=False):
    """Two references name one person."""

    person_ref: UUID
    of: UUID


@fact("person.erased.v1")
class PersonErased(Fact, frozen=True, gc=False):
    """What the vault held of a person was erased."""

    person_ref: UUID
    legal_basis: v.Reason


EventId = Annotated[
    str, Meta(min_length=1, max_length=200, description="A fact's id, given by its source.")
]
Source = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=200,
        pattern=r"^\S+$(?!\n)",
        description="A URI reference: who posts.",
    ),
]


@fact("fact.voided.v1")
class FactVoided(Fact, frozen=True, gc=False):
    """A fact was wrong: it counts no more, for every position from here on."""

    target: EventId
    reason: v.Reason
    target_source: Source | None = None


@fact("period.closed.v1")
class PeriodClosed(Fact, frozen=True, gc=False):
    """A period was closed with its figures; facts for it are late from here on."""

    period_from: date
    period_to: date
    known_at: v.Position
    definitions: tuple[v.VersionedId, ...]
    digests: tuple[v.Sha256, ...]


class DefinitionDigest(Struct, frozen=True, forbid_unknown_fields=True):
    """A definition and what its text hashed to."""

    definition: v.VersionedId
    sha256: v.Sha256


@fact("report.published.v1")
class ReportPublished(Fact, frozen=True, gc=False):
    """A report was filed."""

    report: v.VersionedId
    period_from: date
    period_to: date
    parameters: dict[v.Parameter, str]
    known_at: v.Position
    definitions: tuple[DefinitionDigest, ...]
    sha256: v.Sha256


@fact("log.key_changed.v1")
class LogKeyChanged(Fact, frozen=True, gc=False):
    """A key of the log's signer was added or retired. Its verifier key reads `key_name+key`."""

    key_name: v.LogName
    key: v.Label
    action: Literal["added", "retired"]


@fact("code_list.published.v1")
class CodeListPublished(Fact, frozen=True, gc=False):
    """An edition of a code list is in force."""

    scheme: v.Label
    edition: v.Label
    sha256: v.Sha256
