"""Taking a fact back: what may be voided, by whom, and what must not be left behind."""

from __future__ import annotations

from uuid import uuid4

from ledger.domain.commands import Receipt
from tests.domain.kit import ADMIN, Given, fact, in_the_way, office, void

DAY = "2020-01-01"


def _member(given: Given) -> tuple[str, str, Receipt]:
    who, cluster = given.organisation(), given.cluster()
    admitted = given.post(
        "membership.admitted", organisation_id=who, cluster=cluster, effective_on="2010-01-01"
    )
    return who, cluster, admitted


def test_a_void_names_a_fact_that_exists(given: Given) -> None:
    _, _, admitted = _member(given)
    given.refused("unknown_fact", fact("fact.voided", target="nothing", reason="error"))
    other_source = fact("fact.voided", source="urn:other", target=admitted.id, reason="error")
    given.refused("unknown_fact", other_source)
    given.post("fact.voided", target=admitted.id, reason="error")


def test_a_void_may_name_a_fact_of_another_source(given: Given) -> None:
    _, _, admitted = _member(given)
    given.post(
        "fact.voided",
        source="urn:other",
        target=admitted.id,
        target_source=admitted.source,
        reason="error",
    )


def test_a_void_goes_to_its_targets_stream_as_the_next_version(given: Given) -> None:
    _, _, admitted = _member(given)
    voided = given.void(admitted)
    assert (voided.stream, voided.version) == (admitted.stream, admitted.version + 1)


def test_a_void_is_not_voided(given: Given) -> None:
    _, _, admitted = _member(given)
    voided = given.void(admitted)
    given.refused("not_voidable", void(voided))


def test_a_void_of_attendances_is_not_voided(given: Given) -> None:
    there = {"activity_id": given.activity(), "person_ref": str(uuid4())}
    given.post("attendance.recorded", **there)
    voided = given.post("attendance.voided", reason="error", **there)
    given.refused("not_voidable", void(voided))


def test_an_erasure_is_not_voided(given: Given) -> None:
    erased = given.post("person.erased", person_ref=str(uuid4()), legal_basis="art-17")
    given.refused("not_voidable", void(erased))


def test_a_closed_period_is_not_reopened(given: Given) -> None:
    closing = {
        "period_from": "1999-01-01",
        "period_to": "1999-12-31",
        "known_at": 0,
        "definitions": [],
        "digests": [],
    }
    closed = given.post("period.closed", **closing)
    given.refused("not_voidable", void(closed))
    given.refused("period_already_closed", fact("period.closed", **closing))
    given.post("period.closed", **closing | {"period_to": "1999-06-30"})


def test_a_closed_period_still_accepts_late_facts(given: Given) -> None:
    given.post(
        "period.closed",
        period_from="1990-01-01",
        period_to="1990-12-31",
        known_at=0,
        definitions=[],
        digests=[],
    )
    given.post(
        "membership.admitted",
        organisation_id=given.organisation(effective_on="1980-01-01"),
        cluster=given.cluster(),
        effective_on="1990-06-01",
    )


def test_a_period_is_closed_as_known_at_a_position_that_exists(given: Given) -> None:
    closing = {"period_from": "1998-01-01", "period_to": "1998-12-31"}
    lists: dict[str, list[str]] = {"definitions": [], "digests": []}
    head = given.ledger.book.head().position
    given.refused(
        "position_beyond_head",
        fact("period.closed", known_at=head + 1, **closing, **lists),
    )
    given.post("period.closed", known_at=head, **closing, **lists)


def test_a_fact_is_voided_once(given: Given) -> None:
    _, _, admitted = _member(given)
    given.refused("already_voided", void(admitted), void(admitted))
    given.void(admitted)
    given.refused("already_voided", void(admitted))


def test_a_void_removes_exactly_its_target_from_its_position_on(given: Given) -> None:
    from ledger.domain.history import standing

    who, cluster, admitted = _member(given)
    ended = given.post(
        "membership.ended", organisation_id=who, cluster=cluster, last_day=DAY, cause="lapsed"
    )
    voided = given.void(ended)
    book = given.ledger.book

    def known_at(position: int) -> list[str]:
        return [e.id for e in standing(book.streams([ended.stream], position)[ended.stream])]

    assert known_at(voided.position - 1) == [admitted.id, ended.id]
    assert known_at(voided.position) == [admitted.id]


def test_what_remains_after_a_void_obeys_the_rules_of_its_stream(given: Given) -> None:
    who, cluster, admitted = _member(given)
    pair = {"organisation_id": who, "cluster": cluster}
    ended = given.post("membership.ended", last_day="2012-12-31", cause="lapsed", **pair)
    refused = given.refused("void_conflict", void(admitted))
    assert in_the_way(refused) == {ended.id}
    rejoined = given.post("membership.admitted", effective_on="2015-01-01", **pair)
    refused = given.refused("void_conflict", void(ended))
    assert in_the_way(refused) == {rejoined.id}
    given.record(void(ended), void(rejoined))


def test_what_was_registered_is_not_voided_while_facts_name_it(given: Given) -> None:
    who, code = str(uuid4()), f"c-{uuid4().hex[:8]}"
    cluster = given.post("cluster.registered", cluster=code, name="Rail", effective_on=DAY)
    named = {"organisation_id": who, "effective_on": DAY}
    organisation = given.post("organisation.registered", name="A", kind="company", **named)
    admitted = given.post("membership.admitted", cluster=code, **named)
    for target in (cluster, organisation):
        assert in_the_way(given.refused("void_conflict", void(target))) == {admitted.id}
    given.record(void(admitted), void(organisation), void(cluster))
    given.refused("unknown_organisation", fact("organisation.renamed", name="B", **named))


def test_an_activity_is_not_voided_while_attendances_stand(given: Given) -> None:
    which, cluster = str(uuid4()), given.cluster()
    scheduled = given.post(
        "activity.scheduled",
        activity_id=which,
        title="Forum",
        kind="fair",
        mode="onsite",
        organisers=[cluster],
        starts_on=DAY,
        ends_on=DAY,
    )
    count = given.post("headcount.recorded", activity_id=which, count=3, scope="total")
    came = given.post("attendance.recorded", activity_id=which, person_ref=str(uuid4()))
    assert in_the_way(given.refused("void_conflict", void(scheduled))) == {count.id, came.id}
    refused = given.refused("void_conflict", void(scheduled), void(count))
    assert in_the_way(refused) == {came.id}
    given.record(void(scheduled), void(count), void(came))


def test_one_batch_may_void_all_in_any_order(given: Given) -> None:
    for turned in (False, True):
        who, cluster, admitted = _member(given)
        ended = given.post(
            "membership.ended", organisation_id=who, cluster=cluster, last_day=DAY, cause="lapsed"
        )
        voids = [void(admitted), void(ended)]
        given.record(*(reversed(voids) if turned else voids))


def test_a_correction_is_a_void_and_its_replacement_in_one_batch(given: Given) -> None:
    who, cluster, admitted = _member(given)
    correction = void(admitted)
    replacement = fact(
        "membership.admitted",
        organisation_id=who,
        cluster=cluster,
        effective_on="2011-01-01",
        causation=correction.id,
    )
    voided, replaced = given.record(correction, replacement)
    assert (voided.version, replaced.version) == (2, 3)
    book = given.ledger.book
    entry = book.streams([replaced.stream])[replaced.stream][-1]
    assert entry.causation == correction.id


def test_a_replacement_that_breaks_a_rule_leaves_the_old_fact_standing(given: Given) -> None:
    who, cluster, admitted = _member(given)
    pair = {"organisation_id": who, "cluster": cluster}
    wrong = fact("membership.ended", last_day="2009-01-01", cause="lapsed", **pair)
    given.refused("not_a_member", void(admitted), wrong)
    given.refused("already_a_member", fact("membership.admitted", effective_on=DAY, **pair))


def test_who_might_record_a_fact_may_void_it_and_nobody_else(given: Given) -> None:
    _, cluster, admitted = _member(given)
    given.refused("cluster_not_covered", void(admitted), by=office(given.cluster()))
    given.void(admitted, by=office(cluster))


def test_voiding_an_attendance_takes_its_organisers_key(given: Given) -> None:
    mine, stranger = given.cluster(), given.cluster()
    came = given.post(
        "attendance.recorded", activity_id=given.activity(mine), person_ref=str(uuid4())
    )
    given.refused("cluster_not_covered", void(came), by=office(stranger))
    given.void(came, by=office(mine))


def test_attendance_voided_takes_back_everything_of_that_person_there(given: Given) -> None:
    there = {"activity_id": given.activity(capacity=1), "person_ref": str(uuid4())}
    given.refused("nothing_to_void", fact("attendance.voided", reason="error", **there))
    given.post("attendance.registered", **there)
    came = given.post("attendance.recorded", **there)
    given.post("attendance.voided", reason="error", **there)
    given.refused("nothing_to_void", fact("attendance.voided", reason="error", **there))
    given.refused("already_voided", void(came))
    again = given.post("attendance.recorded", **there)
    assert not again.duplicate
    given.post("attendance.registered", activity_id=there["activity_id"], person_ref=str(uuid4()))


def test_after_a_void_an_attendance_may_be_recorded_again(given: Given) -> None:
    there = {"activity_id": given.activity(), "person_ref": str(uuid4())}
    first = given.post("attendance.recorded", **there)
    given.void(first)
    second = given.post("attendance.recorded", **there)
    assert not second.duplicate
    assert second.version == 3


def test_voiding_an_activitys_cancellation_lets_it_be_held(given: Given) -> None:
    activity = given.activity()
    cancelled = given.post("activity.cancelled", activity_id=activity)
    given.void(cancelled)
    given.post("activity.held", activity_id=activity, held_on="2024-03-05")


def test_at_most_a_hundred_facts_in_the_way_are_named(given: Given) -> None:
    activity = given.activity()
    scheduled = given.ledger.book.leaves(given.ledger.book.head().position - 1, 1)[0]
    from ledger.store.codec import decode_leaf

    target = decode_leaf(scheduled)
    given.record(
        *(
            fact("attendance.recorded", activity_id=activity, person_ref=str(uuid4()))
            for _ in range(120)
        ),
        by=ADMIN,
    )
    refused = given.refused("void_conflict", fact("fact.voided", target=target.id, reason="error"))
    assert len(in_the_way(refused)) == 100
