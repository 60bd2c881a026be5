"""Every refusal: a stable code and the facts of the case. It knows no HTTP.

The docstring is the sentence; its placeholders are the fields of the case. The code is the class
name in snake case and never changes.
"""

import re
import string
from typing import ClassVar, Final

_WORD = re.compile(r"(?<!^)(?=[A-Z])")

REFUSALS: Final[dict[str, type["Refusal"]]] = {}


class Refusal(Exception):
    """The ledger refuses this."""

    code: ClassVar[str] = "refused"
    fields: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls) -> None:
        cls.code = _WORD.sub("_", cls.__name__).lower()
        cls.fields = tuple(f for _, f, _, _ in string.Formatter().parse(cls.__doc__ or "") if f)
        REFUSALS[cls.code] = cls

    def __init__(self, **case: object) -> None:
        """`case` gives every placeholder of the sentence, and may name facts `in_the_way`."""
        super().__init__()
        self.case: dict[str, object] = case
        missing = [f for f in self.fields if f not in case]
        if missing:
            raise TypeError(f"{type(self).__name__} lacks {missing}")

    def __str__(self) -> str:
        sentence = " ".join((type(self).__doc__ or "").split())
        return sentence.format_map({k: _shown(v) for k, v in self.case.items()})


def _shown(value: object) -> str:
    """A value inside a sentence: short, on one line."""
    text = "-" if value is None else str(value)
    return " ".join(text.split())[:200]


# What a fact names


class UnknownCluster(Refusal):
    """Cluster {cluster} is not registered. Post cluster.registered first."""


class UnknownOrganisation(Refusal):
    """Organisation {organisation_id} is not registered. Post organisation.registered first."""


class UnknownActivity(Refusal):
    """Activity {activity_id} is not scheduled. Post activity.scheduled first."""


class UnknownProject(Refusal):
    """Project {project_id} is not proposed. Post project.proposed first."""


class AlreadyRegistered(Refusal):
    """{entity} exists already. Use the facts that change it."""


class UnknownCode(Refusal):
    """{code} is not a code of {scheme}."""


class InvalidIdentifier(Refusal):
    """{identifier} is malformed or its check digits are wrong."""


class DateOutOfRange(Refusal):
    """{field} is {day}: days lie between 1900-01-01 and 2199-12-31."""


class InTheFuture(Refusal):
    """{field} is {day}, which is in the future (today is {today})."""


class PeriodReversed(Refusal):
    """The period ends on {ends_on}, before it starts on {starts_on}."""


class EndBeforeStart(Refusal):
    """The last day {last_day} lies before the first day {effective_on}."""


class PositionBeyondHead(Refusal):
    """Position {position} lies beyond the ledger's head {head}."""


# Clusters and organisations


class AlreadyClosed(Refusal):
    """Cluster {cluster} was closed on {closed_on} already."""


class ClusterClosed(Refusal):
    """Cluster {cluster} was closed on {closed_on}: nothing becomes effective there from that
    day on."""


class AfterDissolution(Refusal):
    """Organisation {organisation_id} was dissolved on {dissolved_on}: nothing becomes effective
    after that."""


class AlreadyDissolved(Refusal):
    """Organisation {organisation_id} was dissolved on {dissolved_on} already."""


class AlreadyDuplicate(Refusal):
    """{organisation_id} is marked as a duplicate of {of} already."""


class NotADuplicate(Refusal):
    """Organisation {organisation_id} is not marked as a duplicate."""


class IdentityCircle(Refusal):
    """{organisation_id} and {of} would be one organisation in a circle of duplicates and
    mergers."""


class AlreadyMerged(Refusal):
    """Organisation {organisation_id} was merged into {into} already."""


# Memberships


class AlreadyAMember(Refusal):
    """{organisation_id} is a member of {cluster} on {day} already; spells never overlap."""


class NotAMember(Refusal):
    """{organisation_id} is not a member of {cluster} on {day}, or that spell has ended already."""


class ApplicationPending(Refusal):
    """{organisation_id} has applied to {cluster} already."""


class NoApplication(Refusal):
    """{organisation_id} has no open application to {cluster}."""


class AlreadySuspended(Refusal):
    """The membership of {organisation_id} in {cluster} is suspended already."""


class NotSuspended(Refusal):
    """The membership of {organisation_id} in {cluster} is not suspended."""


# Activities and attendances


class ActivityCancelled(Refusal):
    """Activity {activity_id} was cancelled."""


class ActivityAlreadyHeld(Refusal):
    """Activity {activity_id} was held already."""


class CapacityReached(Refusal):
    """Activity {activity_id} has {capacity} places, and all of them are taken."""


class NotRegistered(Refusal):
    """{person_ref} is not registered for activity {activity_id}."""


class AlreadyRecorded(Refusal):
    """{person_ref} stands recorded for activity {activity_id} already."""


class OtherOrganisation(Refusal):
    """{person_ref} stands at activity {activity_id} for organisation {organisation_id}, not for
    another. Void that first."""


class PersonErased(Refusal):
    """{person_ref} was erased and accepts no new fact."""


class AlreadySealed(Refusal):
    """{person_ref} is sealed already."""


# Projects and enrolments


class GrantExceedsVolume(Refusal):
    """The grant of {grant_cents} cents exceeds the volume of {volume_cents} cents."""


class AlreadyApproved(Refusal):
    """Project {project_id} was approved already. Use project.grant_changed."""


class NotApproved(Refusal):
    """Project {project_id} is not approved on {day}."""


class AlreadyStarted(Refusal):
    """Project {project_id} was started already."""


class NotStarted(Refusal):
    """Project {project_id} has not started on {day}."""


class AlreadyEnded(Refusal):
    """Project {project_id} ended on {last_day} already."""


class EnrolmentOutsideProject(Refusal):
    """The enrolment of {organisation_id} lies outside the days of project {project_id}."""


class SecondLead(Refusal):
    """Project {project_id} would have two leads on {day}."""


class AlreadyEnrolled(Refusal):
    """{organisation_id} is enrolled in project {project_id} from {day} already."""


class NotEnrolled(Refusal):
    """{organisation_id} is not enrolled in project {project_id} on {day}, or that enrolment has
    ended already."""


# Voids, periods, lists


class UnknownFact(Refusal):
    """The ledger holds no fact {target} of source {source}."""


class NotVoidable(Refusal):
    """A fact of type {type} cannot be voided."""


class AlreadyVoided(Refusal):
    """The fact {target} was voided already."""


class NothingToVoid(Refusal):
    """{person_ref} has no standing fact at activity {activity_id}."""


class VoidConflict(Refusal):
    """Without that fact, other facts would break a rule. Void them in the same batch."""


class PeriodAlreadyClosed(Refusal):
    """The period {period_from} to {period_to} was closed already."""


class EditionAlreadyPublished(Refusal):
    """Edition {edition} of {scheme} was published already."""


class FactTooLarge(Refusal):
    """The fact would take {bytes} bytes; a leaf has at most 65535."""


class StreamTooLarge(Refusal):
    """The command brings more than {most} facts about one {kind}: post them in several."""


# Who may, and how often


class ScopeMissing(Refusal):
    """This key lacks the scope {scope}."""


class ClusterNotCovered(Refusal):
    """This key does not cover {cluster}."""


class SourceNotCovered(Refusal):
    """This key may not post for the source {source}."""


class VersionMismatch(Refusal):
    """The stream {stream} is at version {version}, not at the expected {expected}."""


class IdempotencyConflict(Refusal):
    """{id} of {source} stands at position {position} with other content. An id is used once."""
