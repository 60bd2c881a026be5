"""A project, and an organisation's enrolment in it."""

from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import NamedTuple
from uuid import UUID

from msgspec import Struct
from msgspec.structs import replace

from ledger.domain import facts as f
from ledger.domain import refusals as r
from ledger.domain.facts import Fact
from ledger.domain.history import Law
from ledger.domain.refusals import Refusal
from ledger.domain.streams import day_after


class Terms(Struct, frozen=True):
    """Volume and grant from a day on, in cents."""

    from_day: date
    volume_cents: int
    grant_cents: int


class Project(Struct, frozen=True):
    """`to_day` is the day after the last one."""

    project_id: UUID | None = None
    proposed: int = 0
    title: str = ""
    clusters: tuple[str, ...] = ()
    proposed_on: date | None = None
    approved_on: date | None = None
    terms: tuple[Terms, ...] = ()
    started_on: date | None = None
    last_day: date | None = None
    outcome: str | None = None

    @property
    def exists(self) -> bool:
        """Whether its proposal stands."""
        return self.proposed > 0

    @property
    def to_day(self) -> date | None:
        """The day after the last one; None while no end is known."""
        return None if self.last_day is None else day_after(self.last_day)


def evolve(state: Project, fact: Fact) -> Project:
    if state.project_id is None:
        state = replace(state, project_id=fact.project_id)  # type: ignore[attr-defined]  # all have it
    match fact:
        case f.ProjectProposed():
            return replace(
                state,
                proposed=state.proposed + 1,
                title=fact.title,
                clusters=tuple(dict.fromkeys(fact.clusters)),
                proposed_on=fact.effective_on,
            )
        case f.ProjectApproved():
            terms = Terms(fact.effective_on, fact.volume_cents, fact.grant_cents)
            return replace(state, approved_on=fact.effective_on, terms=(*state.terms, terms))
        case f.ProjectGrantChanged():
            terms = Terms(fact.effective_on, fact.volume_cents, fact.grant_cents)
            return replace(state, terms=(*state.terms, terms))
        case f.ProjectStarted():
            return replace(state, started_on=fact.effective_on)
        case f.ProjectEnded():
            return replace(state, last_day=fact.last_day, outcome=fact.outcome)
    return state


def objection(state: Project, fact: Fact) -> Refusal | None:
    which: UUID = fact.project_id  # type: ignore[attr-defined]  # every project fact has it
    if (
        isinstance(fact, f.ProjectApproved | f.ProjectGrantChanged)
        and fact.grant_cents > fact.volume_cents
    ):
        return r.GrantExceedsVolume(grant_cents=fact.grant_cents, volume_cents=fact.volume_cents)
    match fact:
        case f.ProjectProposed() if state.proposed:
            return r.AlreadyRegistered(entity=which)
        case f.ProjectApproved() if state.approved_on is not None:
            return r.AlreadyApproved(project_id=which)
        case f.ProjectGrantChanged() if state.approved_on is None:
            return r.NotApproved(project_id=which, day=fact.effective_on)
        case f.ProjectStarted() if state.started_on is not None:
            return r.AlreadyStarted(project_id=which)
        case f.ProjectStarted() | f.ProjectEnded() if state.last_day is not None:
            return r.AlreadyEnded(project_id=which, last_day=state.last_day)
        case f.ProjectEnded() if state.started_on is None:
            return r.NotStarted(project_id=which, day=fact.last_day)
        case f.ProjectEnded() if state.started_on is not None and fact.last_day < state.started_on:
            return r.EndBeforeStart(last_day=fact.last_day, effective_on=state.started_on)
    return None


def flaw(state: Project) -> Refusal | None:
    if state.project_id is not None and not state.proposed:
        return r.UnknownProject(project_id=state.project_id)
    return None


LAW = Law(Project(), evolve, objection, flaw)


class Part(Struct, frozen=True):
    """Days [from_day, to_day) of one organisation in one project; to_day None: open."""

    from_day: date
    role: str
    to_day: date | None = None

    def covers(self, day: date) -> bool:
        """Whether a day lies in the part."""
        return self.from_day <= day and (self.to_day is None or day < self.to_day)


class Enrolment(Struct, frozen=True):
    """One organisation's parts in one project, by first day. A change of role is a new part."""

    parts: tuple[Part, ...] = ()


def _open_part(state: Enrolment, last_day: date) -> Part | None:
    """The open part that covers a day; of several, the one that began last."""
    return next((p for p in reversed(state.parts) if p.to_day is None and p.covers(last_day)), None)


def evolve_enrolment(state: Enrolment, fact: Fact) -> Enrolment:
    match fact:
        case f.EnrolmentStarted():
            return Enrolment((*state.parts, Part(fact.effective_on, fact.role)))
        case f.EnrolmentEnded():
            part = _open_part(state, fact.last_day)
            closed = part and replace(part, to_day=day_after(fact.last_day))
            return Enrolment(tuple(closed if closed and p is part else p for p in state.parts))
    return state


def object_enrolment(state: Enrolment, fact: Fact) -> Refusal | None:
    match fact:
        case f.EnrolmentStarted() if any(p.from_day == fact.effective_on for p in state.parts):
            return r.AlreadyEnrolled(
                organisation_id=fact.organisation_id,
                project_id=fact.project_id,
                day=fact.effective_on,
            )
        case f.EnrolmentEnded() if _open_part(state, fact.last_day) is None:
            return r.NotEnrolled(
                organisation_id=fact.organisation_id, project_id=fact.project_id, day=fact.last_day
            )
    return None


ENROLMENT_LAW = Law(Enrolment(), evolve_enrolment, object_enrolment, lambda _: None)


class Enrolled(NamedTuple):
    """One organisation's enrolment; a dissolution cuts its parts the day before `dissolved_on`."""

    organisation_id: UUID
    enrolment: Enrolment
    dissolved_on: date | None


class EnrolmentFlaw(NamedTuple):
    """What is wrong between a project and its enrolments, and the parts in the way."""

    refusal: Refusal
    parts: list[tuple[UUID, Part]]


def enrolments_flaw(project: Project, enrolled: Iterable[Enrolled]) -> EnrolmentFlaw | None:
    """Enrolments outside the project's days, or else two leads on one day."""
    outside: list[tuple[UUID, Part]] = []
    leads: list[tuple[date, date, UUID, Part]] = []
    for one in enrolled:
        for part in one.enrolment.parts:
            if not _inside(project, part):
                outside.append((one.organisation_id, part))
            if part.role == "lead":
                ends = (part.to_day, project.to_day, one.dissolved_on, date.max)
                end = min(day for day in ends if day is not None)
                leads.append((part.from_day, end, one.organisation_id, part))
    if outside:
        refusal = r.EnrolmentOutsideProject(
            organisation_id=outside[0][0], project_id=project.project_id
        )
        return EnrolmentFlaw(refusal, outside)
    return _second_lead(project, leads)


def _inside(project: Project, part: Part) -> bool:
    if project.started_on is None or part.from_day < project.started_on:
        return False
    end = project.to_day
    return end is None or (part.from_day < end and (part.to_day is None or part.to_day <= end))


def _second_lead(
    project: Project, leads: list[tuple[date, date, UUID, Part]]
) -> EnrolmentFlaw | None:
    leads.sort(key=lambda lead: lead[:3])
    for (_, earlier_to, one, earlier), (later_from, _, other, later) in pairwise(leads):
        if earlier_to > later_from:
            refusal = r.SecondLead(project_id=project.project_id, day=later_from)
            return EnrolmentFlaw(refusal, [(one, earlier), (other, later)])
    return None
