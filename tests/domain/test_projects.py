"""Projects: grants, days, enrolments, one lead."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ledger.domain.commands import Incoming
from tests.domain.kit import Given, fact, in_the_way, void


class Consortium:
    """A project that runs from 2020-01-01."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.project = given.project()

    def start(self, who: str, day: str = "2020-01-01", role: str = "partner") -> Incoming:
        return fact(
            "enrolment.started",
            project_id=self.project,
            organisation_id=who,
            role=role,
            effective_on=day,
        )

    def end(self, who: str, last_day: str) -> Incoming:
        return fact(
            "enrolment.ended", project_id=self.project, organisation_id=who, last_day=last_day
        )

    def ended(self, last_day: str) -> Incoming:
        return fact(
            "project.ended", project_id=self.project, last_day=last_day, outcome="completed"
        )


@pytest.fixture
def consortium(given: Given) -> Consortium:
    return Consortium(given)


def test_a_grant_is_at_most_the_volume(given: Given) -> None:
    terms: Any = {"project_id": given.project(), "effective_on": "2020-01-01"}
    approved = partial(fact, "project.approved", volume_cents=100, **terms)
    changed = partial(fact, "project.grant_changed", volume_cents=100, **terms)
    given.refused("grant_exceeds_volume", approved(grant_cents=101))
    given.record(approved(grant_cents=100))
    given.refused("grant_exceeds_volume", changed(grant_cents=101))
    given.record(changed(grant_cents=100))


def test_a_grant_changes_only_after_the_approval(given: Given) -> None:
    terms: Any = {"project_id": given.project(), "volume_cents": 2, "grant_cents": 1}
    changed = partial(fact, "project.grant_changed", **terms)
    given.refused("not_approved", changed(effective_on="2021-01-01"))
    given.post("project.approved", effective_on="2020-06-01", **terms)
    given.refused("not_approved", changed(effective_on="2020-05-31"))
    given.refused("already_approved", fact("project.approved", effective_on="2022-01-01", **terms))
    given.record(changed(effective_on="2021-01-01"))


def test_the_approval_may_follow_the_start(given: Given) -> None:
    project = given.project(started="2020-01-01")
    given.post(
        "project.approved",
        project_id=project,
        volume_cents=2,
        grant_cents=1,
        effective_on="2020-06-01",
    )


def test_a_project_starts_once_and_ends_once_after_its_start(given: Given) -> None:
    waiting = given.project(started=None)
    end = partial(fact, "project.ended", outcome="completed")
    given.refused("not_started", end(project_id=waiting, last_day="2021-01-01"))
    project = given.project(started="2020-01-01")
    given.refused(
        "already_started",
        fact("project.started", project_id=project, effective_on="2020-02-01"),
    )
    given.refused("end_before_start", end(project_id=project, last_day="2019-12-31"))
    given.record(end(project_id=project, last_day="2020-01-01"))
    given.refused("already_ended", end(project_id=project, last_day="2022-01-01"))


def test_an_enrolment_starts_within_the_projects_days(given: Given, consortium: Consortium) -> None:
    who = given.organisation()
    given.record(consortium.ended("2022-12-31"))
    for day in ("2019-12-31", "2023-01-01"):
        given.refused("enrolment_outside_project", consortium.start(who, day))
    given.record(consortium.start(who, "2022-12-31"))
    given.refused("enrolment_outside_project", consortium.end(who, "2023-01-01"))
    given.record(consortium.end(who, "2022-12-31"))


def test_nobody_is_enrolled_before_the_project_started(given: Given) -> None:
    waiting = Consortium(given)
    waiting.project = given.project(started=None)
    who = given.organisation()
    given.refused("enrolment_outside_project", waiting.start(who))
    given.post("project.started", project_id=waiting.project, effective_on="2020-01-01")
    given.record(waiting.start(who))


def test_a_project_does_not_end_before_an_enrolment_begins_or_ends(
    given: Given, consortium: Consortium
) -> None:
    early, late = given.organisation(), given.organisation()
    given.record(consortium.start(early))
    begun = given.record(consortium.start(late, "2022-06-01"))[0]
    refused = given.refused("enrolment_outside_project", consortium.ended("2022-05-31"))
    assert in_the_way(refused) == {begun.id}
    given.record(consortium.ended("2022-06-01"))


def test_a_project_has_one_lead_at_a_time(given: Given, consortium: Consortium) -> None:
    first, second = given.organisation(), given.organisation()
    given.record(consortium.start(first, role="lead"))
    given.refused("second_lead", consortium.start(second, "2021-01-01", role="lead"))
    given.record(consortium.end(first, "2020-12-31"))
    given.record(consortium.start(second, "2021-01-01", role="lead"))
    given.record(consortium.start(first, "2021-01-01", role="partner"))


def test_a_dissolved_lead_makes_room_for_the_next(given: Given, consortium: Consortium) -> None:
    first, second = given.organisation(), given.organisation()
    given.record(consortium.start(first, role="lead"))
    dissolved = given.post(
        "organisation.dissolved", organisation_id=first, effective_on="2021-01-01"
    )
    given.refused("second_lead", consortium.start(second, "2020-12-31", role="lead"))
    next_lead = given.record(consortium.start(second, "2021-01-01", role="lead"))[0]
    assert next_lead.id in in_the_way(given.refused("void_conflict", void(dissolved)))
    given.record(void(dissolved), void(next_lead))


def test_a_project_may_start_before_its_lead_is_enrolled(
    given: Given, consortium: Consortium
) -> None:
    given.record(consortium.start(given.organisation(), "2020-01-01"))
    given.record(consortium.start(given.organisation(), "2020-06-01", role="lead"))


def test_a_second_enrolment_from_the_same_day_is_refused(
    given: Given, consortium: Consortium
) -> None:
    who = given.organisation()
    given.record(consortium.start(who, "2020-03-01"))
    given.refused("already_enrolled", consortium.start(who, "2020-03-01", role="lead"))
    given.record(consortium.end(who, "2020-12-31"))
    given.record(consortium.start(who, "2021-01-01", role="lead"))


def test_an_enrolment_ends_once(given: Given, consortium: Consortium) -> None:
    who = given.organisation()
    given.refused("not_enrolled", consortium.end(who, "2020-12-31"))
    given.record(consortium.start(who))
    given.record(consortium.end(who, "2020-12-31"))
    for last_day in ("2020-06-30", "2020-12-31", "2021-06-30"):
        given.refused("not_enrolled", consortium.end(who, last_day))


def test_no_enrolment_becomes_effective_after_a_dissolution(
    given: Given, consortium: Consortium
) -> None:
    who = given.organisation()
    given.post("organisation.dissolved", organisation_id=who, effective_on="2021-01-01")
    given.refused("after_dissolution", consortium.start(who, "2021-01-02"))
    given.record(consortium.start(who, "2020-12-31"))


def test_voiding_a_start_names_every_enrolment(given: Given) -> None:
    consortium = Consortium(given)
    consortium.project = given.project(started=None)
    started = given.post(
        "project.started", project_id=consortium.project, effective_on="2020-01-01"
    )
    enrolled = [given.record(consortium.start(given.organisation()))[0] for _ in range(2)]
    refused = given.refused("void_conflict", void(started))
    assert in_the_way(refused) == {one.id for one in enrolled}
    given.record(void(started), *(void(one) for one in enrolled))


def test_voiding_a_leads_end_names_the_next_lead(given: Given, consortium: Consortium) -> None:
    first, second, partner = (given.organisation() for _ in range(3))
    given.record(consortium.start(first, role="lead"), consortium.start(partner))
    end = given.record(consortium.end(first, "2020-12-31"))[0]
    follower = given.record(consortium.start(second, "2021-01-01", role="lead"))[0]
    named = in_the_way(given.refused("void_conflict", void(end)))
    assert follower.id in named
    assert len(named) == 2
    given.record(void(end), void(follower))
