"""That an organisation exists is kept longer than its stream, that an activity takes place from
command to command, and neither longer than it is true."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from ledger.domain.commands import Incoming
from ledger.domain.streams import Kind
from ledger.service import Ledger
from ledger.store import kept
from ledger.store import writer as writing
from ledger.store.batch import Wanted
from ledger.store.rows import look_up
from tests.domain.kit import Given, fact

MUSTER = {"name": "Muster GmbH", "kind": "company", "effective_on": "2000-01-01"}


def came(activity: str, organisation: str) -> Incoming:
    who = {"activity_id": activity, "person_ref": str(uuid4()), "organisation_id": organisation}
    return fact("attendance.recorded", **who)


def test_an_organisation_that_is_known_is_not_read_for_an_attendance(
    monkeypatch: pytest.MonkeyPatch, book_url: str
) -> None:
    monkeypatch.setattr(kept, "KEPT_STREAMS_MAX", 0)
    asked: list[set[int]] = []

    def noted(line: Any, wanted: Wanted, **how: Any) -> None:
        asked.append({*wanted.streams})
        look_up(line, wanted, **how)

    monkeypatch.setattr(writing, "look_up", noted)
    with Ledger.open(book_url) as ledger:
        given = Given(ledger)
        activity, organisation = given.activity(), given.organisation()
        given.record(came(activity, organisation))
        for _ in range(3):
            given.cluster()
        given.record(came(activity, organisation))
        id_of = ledger.writer._desk.stream_id
        assert id_of(Kind.activity, UUID(activity)).int in asked[-1]
        assert id_of(Kind.organisation, UUID(organisation)).int not in asked[-1]


def test_an_organisation_of_a_refused_command_is_not_known(given: Given) -> None:
    activity, organisation = given.activity(), str(uuid4())
    registered = fact("organisation.registered", organisation_id=organisation, **MUSTER)
    stranger = came(activity, str(uuid4()))
    given.refused("unknown_organisation", registered, came(activity, organisation), stranger)
    given.refused("unknown_organisation", came(activity, organisation))


def test_an_organisation_that_was_voided_is_known_no_more(given: Given) -> None:
    activity, organisation = given.activity(), str(uuid4())
    registered = given.post("organisation.registered", organisation_id=organisation, **MUSTER)
    given.void(given.record(came(activity, organisation))[0])
    given.void(registered)
    given.refused("unknown_organisation", came(activity, organisation))


def test_an_organisation_that_another_process_voided_is_known_no_more(book_url: str) -> None:
    with Ledger.open(book_url) as one, Ledger.open(book_url) as other:
        given = Given(one)
        activity, organisation = given.activity(), str(uuid4())
        registered = given.post("organisation.registered", organisation_id=organisation, **MUSTER)
        given.void(given.record(came(activity, organisation))[0])
        Given(other).void(registered)
        given.refused("unknown_organisation", came(activity, organisation))


def test_an_organisation_of_a_refused_command_was_never_known(given: Given) -> None:
    activity, organisation = given.activity(), str(uuid4())
    registered = fact("organisation.registered", organisation_id=organisation, **MUSTER)
    given.refused(
        "unknown_activity",
        registered,
        came(activity, organisation),
        came(str(uuid4()), organisation),
    )
    given.refused("unknown_organisation", came(activity, organisation))


def test_an_activity_that_another_process_cancelled_takes_place_no_more(book_url: str) -> None:
    with Ledger.open(book_url) as one, Ledger.open(book_url) as other:
        given = Given(one)
        activity, organisation = given.activity(), given.organisation()
        given.record(came(activity, organisation))
        Given(other).post("activity.cancelled", activity_id=activity)
        given.refused("activity_cancelled", came(activity, organisation))
