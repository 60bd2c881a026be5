"""What rules over several streams look at is read for a whole batch at once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import pytest

from ledger.domain.commands import Incoming
from ledger.service import Ledger
from ledger.store.line import Line
from tests.domain.kit import ADMIN, Given, fact, void

SOME = 5


@pytest.fixture
def readings(monkeypatch: pytest.MonkeyPatch) -> list[Line]:
    """Every question that was asked amid a transaction."""
    asked: list[Line] = []
    reading = Line.reading

    @contextmanager
    def counted(line: Line) -> Iterator[Any]:
        asked.append(line)
        with reading(line) as curs:
            yield curs

    monkeypatch.setattr(Line, "reading", counted)
    return asked


def asked_for(url: str, facts: list[Incoming], readings: list[Line]) -> int:
    """How often a writer that keeps nothing yet asks, beside the tree's right edge, for these."""
    with Ledger.open(url) as fresh:
        Given(fresh).cluster()
        readings.clear()
        assert len(fresh.record(ADMIN, facts)) == len(facts)
        return len(readings)


def test_projects_ask_for_their_enrolments_and_organisations_together(
    given: Given, book_url: str, readings: list[Line]
) -> None:
    projects = [given.project() for _ in range(SOME)]
    for project in projects:
        for _ in range(2):
            given.post(
                "enrolment.started",
                project_id=project,
                organisation_id=given.organisation(),
                role="partner",
                effective_on="2020-01-01",
            )
    ended = [
        fact("project.ended", project_id=p, last_day="2021-12-31", outcome="completed")
        for p in projects
    ]
    assert asked_for(book_url, ended, readings) == 3


def test_dissolved_organisations_ask_for_all_they_take_part_in_together(
    given: Given, book_url: str, readings: list[Line]
) -> None:
    dissolved = []
    for _ in range(SOME):
        who, project = given.organisation(), given.project()
        for partner in (who, given.organisation()):
            given.post(
                "enrolment.started",
                project_id=project,
                organisation_id=partner,
                role="partner",
                effective_on="2020-01-01",
            )
        day = {"organisation_id": who, "effective_on": "2022-01-01"}
        dissolved.append(fact("organisation.dissolved", **day))
    assert asked_for(book_url, dissolved, readings) == 5


def test_what_organisations_name_is_asked_for_with_their_own_streams(
    given: Given, book_url: str, readings: list[Line]
) -> None:
    merged = [
        fact(
            "organisation.merged",
            organisation_id=given.organisation(),
            into=given.organisation(),
            effective_on="2022-01-01",
        )
        for _ in range(SOME)
    ]
    assert asked_for(book_url, merged, readings) == 0


def test_voids_ask_for_the_streams_of_their_targets_together(
    given: Given, book_url: str, readings: list[Line]
) -> None:
    activity = given.activity()
    came = [
        given.post("attendance.recorded", activity_id=activity, person_ref=str(uuid4()))
        for _ in range(SOME)
    ]
    assert asked_for(book_url, [void(receipt) for receipt in came], readings) == 1
