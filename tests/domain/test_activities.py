"""Activities, attendances, capacity and head-counts."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime
from functools import partial
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from ledger.domain import decide
from ledger.domain.activity import LAW
from ledger.domain.commands import Authority, Incoming, Refused
from ledger.domain.facts import AttendanceRecorded
from ledger.domain.history import fold, standing
from ledger.domain.streams import Kind, stream_id
from ledger.service import Ledger
from ledger.store.codec import InvalidFact
from tests.domain.kit import ADMIN, Given, fact, in_the_way, office, tomorrow, void


def signed_up(activity: str, person: str | None = None) -> Incoming:
    who = person or str(uuid4())
    return fact("attendance.registered", activity_id=activity, person_ref=who)


def test_an_activity_is_held_or_cancelled_and_never_both(given: Given) -> None:
    one, other = given.activity(), given.activity()
    held = partial(fact, "activity.held", held_on="2024-03-05")
    cancelled = partial(fact, "activity.cancelled")
    given.record(held(activity_id=one))
    given.refused("activity_already_held", cancelled(activity_id=one))
    given.refused("activity_already_held", held(activity_id=one))
    given.record(cancelled(activity_id=other))
    given.refused("activity_cancelled", held(activity_id=other))
    given.refused("activity_cancelled", cancelled(activity_id=other))


def test_held_on_is_not_in_the_future(given: Given) -> None:
    activity = given.activity()
    held = partial(fact, "activity.held", activity_id=activity)
    given.refused("in_the_future", held(held_on=tomorrow()))
    today = datetime.now(ZoneInfo("Europe/Berlin")).date()
    given.record(held(held_on=today.isoformat()))


def test_an_activity_ends_no_earlier_than_it_starts(given: Given) -> None:
    days = {"starts_on": "2024-03-05", "ends_on": "2024-03-04"}
    activity = given.activity()
    given.refused("period_reversed", fact("activity.rescheduled", activity_id=activity, **days))
    given.post("activity.rescheduled", activity_id=activity, **days | {"ends_on": "2024-03-05"})


def test_nobody_registers_for_or_attends_a_cancelled_activity(given: Given) -> None:
    activity, person = given.activity(), str(uuid4())
    given.record(signed_up(activity, person))
    given.post("activity.cancelled", activity_id=activity)
    given.refused("activity_cancelled", signed_up(activity))
    given.refused(
        "activity_cancelled", fact("attendance.recorded", activity_id=activity, person_ref=person)
    )
    given.post("attendance.withdrawn", activity_id=activity, person_ref=person)


def test_of_one_command_each_attendance_is_held_to_what_was_said_before_it(given: Given) -> None:
    cluster, other = given.cluster(), given.cluster()
    activity, key = given.activity(cluster), office(cluster)
    moved = fact("activity.changed", activity_id=activity, organisers=[other])

    def coming() -> Incoming:
        return fact("attendance.recorded", activity_id=activity, person_ref=str(uuid4()))

    given.refused("cluster_not_covered", coming(), coming(), moved, coming(), by=key)
    renamed = fact("activity.changed", activity_id=activity, title="Salon")
    cancelled = fact("activity.cancelled", activity_id=activity)
    changes = (renamed, coming(), coming(), cancelled)
    given.refused("activity_cancelled", coming(), *changes, coming(), by=key)
    unknown = {"person_ref": str(uuid4()), "organisation_id": str(uuid4())}
    stranger = fact("attendance.recorded", activity_id=activity, **unknown)
    given.refused("unknown_organisation", coming(), stranger, by=key)
    given.record(coming(), coming(), by=key)


def test_of_command_after_command_each_attendance_is_held_to_what_was_said_before_it(
    given: Given,
) -> None:
    cluster = given.cluster()
    activity, key = given.activity(cluster), office(cluster)
    later = str(uuid4())

    def coming(activity_id: str = activity) -> Incoming:
        return fact("attendance.recorded", activity_id=activity_id, person_ref=str(uuid4()))

    given.record(coming(), by=key)
    given.refused("cluster_not_covered", coming(), by=office(given.cluster()))
    given.record(coming(), by=key)
    scheduled = fact(
        "activity.scheduled",
        activity_id=later,
        title="Forum",
        kind="conference",
        mode="onsite",
        starts_on="2024-03-05",
        ends_on="2024-03-05",
        organisers=[cluster],
    )
    unknown = coming(str(uuid4()))
    given.refused("unknown_activity", scheduled, coming(later), unknown, by=key)
    given.refused("unknown_activity", coming(later), by=key)
    given.record(coming(), by=key)
    given.post("activity.cancelled", activity_id=activity)
    given.refused("activity_cancelled", coming(), by=key)


def test_a_key_that_lost_a_source_may_not_use_it_any_more(given: Given) -> None:
    cluster = given.cluster()
    key = office(cluster)
    coming = partial(fact, "attendance.recorded", activity_id=given.activity(cluster))
    given.record(coming(person_ref=str(uuid4())), by=key)
    less = Authority(key.actor, key.scopes, key.clusters, frozenset({"urn:test:another"}))
    given.refused("source_not_covered", coming(person_ref=str(uuid4())), by=less)


def test_an_attendance_has_no_day_and_no_code_that_could_be_implausible() -> None:
    """So of those that follow on one at the same activity it is not asked again."""
    assert decide._DATES[AttendanceRecorded] == ()
    assert AttendanceRecorded not in decide._SPECIAL


def test_attendance_may_be_recorded_before_the_activity_is_held(given: Given) -> None:
    activity = given.activity()
    given.post("attendance.recorded", activity_id=activity, person_ref=str(uuid4()))
    given.post("activity.held", activity_id=activity, held_on="2024-03-05")


def test_a_person_the_vault_does_not_hold_may_attend(given: Given) -> None:
    given.post("attendance.recorded", activity_id=given.activity(), person_ref=str(uuid4()))


def test_only_a_registration_is_withdrawn(given: Given) -> None:
    activity, person = given.activity(), str(uuid4())
    withdrawn = partial(fact, "attendance.withdrawn", activity_id=activity, person_ref=person)
    given.refused("not_registered", withdrawn())
    given.record(signed_up(activity, person))
    given.record(withdrawn())
    given.refused("not_registered", withdrawn())


def test_registrations_stop_at_the_capacity(given: Given) -> None:
    activity = given.activity(capacity=2)
    first, second = str(uuid4()), str(uuid4())
    given.record(signed_up(activity, first), signed_up(activity, second))
    given.refused("capacity_reached", signed_up(activity))
    given.post("attendance.withdrawn", activity_id=activity, person_ref=first)
    given.record(signed_up(activity))
    given.refused("capacity_reached", signed_up(activity, first))


def test_a_batch_beyond_the_capacity_is_refused_as_a_whole(given: Given) -> None:
    activity = given.activity(capacity=2)
    given.refused("capacity_reached", *(signed_up(activity) for _ in range(3)))
    given.record(*(signed_up(activity) for _ in range(2)))


def test_a_place_may_change_hands_within_a_batch(given: Given) -> None:
    activity, leaving = given.activity(capacity=1), str(uuid4())
    given.record(signed_up(activity, leaving))
    given.record(
        signed_up(activity),
        fact("attendance.withdrawn", activity_id=activity, person_ref=leaving),
    )
    given.refused("capacity_reached", signed_up(activity))


def test_whoever_came_unregistered_takes_no_place(given: Given) -> None:
    activity = given.activity(capacity=0)
    given.refused("capacity_reached", signed_up(activity))
    given.post("attendance.recorded", activity_id=activity, person_ref=str(uuid4()))


def test_a_capacity_is_not_lowered_below_the_registrations(given: Given) -> None:
    activity = given.activity(capacity=3)
    given.record(signed_up(activity), signed_up(activity))
    changed = partial(fact, "activity.changed", activity_id=activity)
    given.refused("capacity_reached", changed(capacity=1))
    given.record(changed(capacity=2))
    given.refused("capacity_reached", signed_up(activity))
    given.record(changed(capacity=3))
    given.record(signed_up(activity))


def test_voiding_a_registration_frees_its_place(given: Given) -> None:
    activity = given.activity(capacity=1)
    taken = given.record(signed_up(activity))[0]
    given.void(taken)
    given.record(signed_up(activity))


def test_voiding_a_withdrawal_needs_a_free_place(given: Given) -> None:
    activity, person = given.activity(capacity=1), str(uuid4())
    given.record(signed_up(activity, person))
    withdrawn = given.post("attendance.withdrawn", activity_id=activity, person_ref=person)
    other = given.record(signed_up(activity))[0]
    assert in_the_way(given.refused("void_conflict", void(withdrawn))) == {other.id}
    given.record(void(withdrawn), void(other))


def test_voiding_a_larger_capacity_names_the_registrations_it_let_in(given: Given) -> None:
    activity = given.activity(capacity=1)
    larger = given.post("activity.changed", activity_id=activity, capacity=2)
    two = given.record(signed_up(activity), signed_up(activity))
    refused = given.refused("void_conflict", void(larger))
    assert in_the_way(refused) == {one.id for one in two}
    given.record(void(larger), void(two[0]))


def test_eight_writers_sell_no_place_twice(given: Given, ledger_url: str) -> None:
    activity = given.activity(capacity=20)
    with ExitStack() as stack:
        ledgers = [stack.enter_context(Ledger.open(ledger_url)) for _ in range(8)]

        def register(ledger: Ledger) -> str:
            try:
                ledger.record(ADMIN, [signed_up(activity)])
            except Refused as refused:
                return refused.refusal.code
            return "taken"

        with ThreadPoolExecutor(8) as pool:
            outcomes = Counter(pool.map(register, ledgers * 5))
    assert outcomes == {"taken": 20, "capacity_reached": 20}


def test_a_head_count_is_not_negative(given: Given) -> None:
    count = partial(fact, "headcount.recorded", activity_id=given.activity(), scope="total")
    with pytest.raises(InvalidFact, match="Expected `int` >= 0"):
        count(count=-1)
    given.record(count(count=0))


def test_a_later_head_count_of_the_same_scope_replaces_the_earlier_one(given: Given) -> None:
    activity = given.activity()
    post = partial(given.post, "headcount.recorded", activity_id=activity)
    post(count=100, scope="total")
    post(count=7, scope="unlisted")
    before = post(count=80, scope="total").position
    post(count=90, scope="total")
    book = given.ledger.book
    id = stream_id(book.space, Kind.activity, activity)
    now = fold(LAW, standing(book.streams([id])[id]))
    then = fold(LAW, standing(book.streams([id], upto=before)[id]))
    assert (now.total, now.unlisted) == (90, 7)
    assert (then.total, then.unlisted) == (80, 7)
