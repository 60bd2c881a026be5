"""Duplicates and mergers: no circle; persons likewise."""

from __future__ import annotations

from uuid import uuid4

from ledger.domain.commands import Incoming
from tests.domain.kit import Given, fact, in_the_way, void

DAY = "2020-01-01"


def same(one: str, other: str) -> Incoming:
    return fact("organisation.marked_duplicate", organisation_id=one, of=other, reason="same")


def merged(one: str, into: str, day: str = DAY) -> Incoming:
    return fact("organisation.merged", organisation_id=one, into=into, effective_on=day)


def reverted(one: str) -> Incoming:
    return fact("organisation.duplicate_reverted", organisation_id=one, reason="two after all")


def test_an_organisation_is_no_duplicate_or_heir_of_itself(given: Given) -> None:
    one, other = given.organisation(), given.organisation()
    given.refused("identity_circle", same(one, one))
    given.refused("identity_circle", merged(one, one))
    given.record(same(one, other))


def test_duplicates_make_no_circle(given: Given) -> None:
    a, b, c, d = (given.organisation() for _ in range(4))
    given.record(same(a, b))
    given.record(same(b, c))
    given.refused("identity_circle", same(c, a))
    given.record(same(c, d))


def test_duplicates_and_mergers_together_make_no_circle(given: Given) -> None:
    a, b, c, d = (given.organisation() for _ in range(4))
    given.record(same(a, b))
    given.record(merged(b, c))
    given.refused("identity_circle", same(c, a))
    given.refused("identity_circle", merged(c, a, "2030-01-01"))
    given.record(merged(c, d))


def test_a_circle_inside_one_batch_is_refused(given: Given) -> None:
    a, b, c = (given.organisation() for _ in range(3))
    given.refused("identity_circle", same(a, b), merged(b, c), same(c, a))
    given.record(same(a, b), merged(b, c))


def test_a_duplicate_is_marked_once_until_reverted(given: Given) -> None:
    a, b, c = (given.organisation() for _ in range(3))
    given.refused("not_a_duplicate", reverted(a))
    given.record(same(a, b))
    given.refused("already_duplicate", same(a, c))
    given.record(reverted(a))
    given.record(same(a, c))
    given.record(same(b, a))


def test_voiding_a_mark_equals_reverting_it(given: Given) -> None:
    a, b = given.organisation(), given.organisation()
    mark = given.record(same(a, b))[0]
    given.void(mark)
    given.refused("not_a_duplicate", reverted(a))
    given.record(same(b, a))


def test_voiding_a_reversion_that_would_close_a_circle_names_the_other_mark(given: Given) -> None:
    a, b = given.organisation(), given.organisation()
    given.record(same(a, b))
    revert = given.record(reverted(a))[0]
    back = given.record(same(b, a))[0]
    assert in_the_way(given.refused("void_conflict", void(revert))) == {back.id}
    given.record(void(revert), void(back))
    given.refused("identity_circle", same(b, a))


def test_an_organisation_is_merged_once(given: Given) -> None:
    a, b, c = (given.organisation() for _ in range(3))
    given.record(merged(a, b))
    given.refused("already_merged", merged(a, c, "2021-01-01"))
    given.record(merged(b, c))


def test_rules_look_at_the_record_that_is_named(given: Given) -> None:
    a, b, cluster = given.organisation(), given.organisation(), given.cluster()
    given.record(same(a, b))
    for who in (a, b):
        given.post("membership.admitted", organisation_id=who, cluster=cluster, effective_on=DAY)


def test_an_absorbed_organisation_keeps_its_open_spell(given: Given) -> None:
    a, b, cluster = given.organisation(), given.organisation(), given.cluster()
    given.post("membership.admitted", organisation_id=a, cluster=cluster, effective_on="2010-01-01")
    given.record(merged(a, b))
    ended = {"organisation_id": a, "cluster": cluster, "last_day": "2022-12-31"}
    given.post("membership.ended", cause="merged", **ended)


def test_duplicate_persons_make_no_circle(given: Given) -> None:
    a, b, c = (str(uuid4()) for _ in range(3))
    mark = "person.marked_duplicate"
    given.refused("identity_circle", fact(mark, person_ref=a, of=a))
    given.post(mark, person_ref=a, of=b)
    given.post(mark, person_ref=b, of=c)
    given.refused("already_duplicate", fact(mark, person_ref=a, of=c))
    given.refused("identity_circle", fact(mark, person_ref=c, of=a))


def test_a_person_is_sealed_once(given: Given) -> None:
    sealed = {"person_ref": str(uuid4()), "pdc": "0" * 64}
    given.post("person.sealed", **sealed)
    given.refused("already_sealed", fact("person.sealed", **sealed))


def test_an_erased_person_accepts_no_new_fact(given: Given) -> None:
    erased, other, activity = str(uuid4()), str(uuid4()), given.activity()
    given.post("attendance.registered", activity_id=activity, person_ref=erased)
    given.post("person.erased", person_ref=erased, legal_basis="art-17")
    new = [
        fact("attendance.registered", activity_id=given.activity(), person_ref=erased),
        fact("attendance.recorded", activity_id=activity, person_ref=erased),
        fact("attendance.withdrawn", activity_id=activity, person_ref=erased),
        fact("attendance.voided", activity_id=activity, person_ref=erased, reason="error"),
        fact("person.sealed", person_ref=erased, pdc="0" * 64),
        fact("person.marked_duplicate", person_ref=erased, of=other),
        fact("person.erased", person_ref=erased, legal_basis="art-17"),
    ]
    for one in new:
        given.refused("person_erased", one)
    given.post("attendance.recorded", activity_id=activity, person_ref=other)


def test_an_erasure_counts_for_the_later_facts_of_its_batch(given: Given) -> None:
    person, activity = str(uuid4()), given.activity()
    given.refused(
        "person_erased",
        fact("person.erased", person_ref=person, legal_basis="art-17"),
        fact("attendance.recorded", activity_id=activity, person_ref=person),
    )
    given.record(
        fact("attendance.recorded", activity_id=activity, person_ref=person),
        fact("person.erased", person_ref=person, legal_basis="art-17"),
    )


def test_the_count_of_an_erased_person_can_still_be_corrected(given: Given) -> None:
    person, activity = str(uuid4()), given.activity()
    came = given.post("attendance.recorded", activity_id=activity, person_ref=person)
    given.post("person.erased", person_ref=person, legal_basis="art-17")
    given.void(came)
