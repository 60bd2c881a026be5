"""The same fact twice, versions that are expected, batches as a whole."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from ledger.domain.commands import Receipt
from tests.domain.kit import SOURCE, Given, fact, office

DAY = "2020-01-01"


@dataclass
class Renaming:
    """A fact that can be posted again."""

    given: Given
    id: str
    data: dict[str, Any]
    first: Receipt

    def again(self, **changed: Any) -> Receipt:
        return self.given.post("organisation.renamed", id=self.id, **(self.data | changed))


@pytest.fixture
def renaming(given: Given) -> Renaming:
    id = str(uuid4())
    data = {"organisation_id": given.organisation(), "name": "Neu", "effective_on": DAY}
    return Renaming(given, id, data, given.post("organisation.renamed", id=id, **data))


def test_the_same_content_is_answered_with_the_first_receipt(renaming: Renaming) -> None:
    head = renaming.given.ledger.book.head()
    again = renaming.again()
    assert again.duplicate
    assert not renaming.first.duplicate
    for part in ("position", "recorded_at", "leaf_hash", "stream", "version"):
        assert getattr(again, part) == getattr(renaming.first, part)
    assert renaming.given.ledger.book.head() == head


def test_other_content_under_the_same_id_is_a_conflict(renaming: Renaming) -> None:
    given = renaming.given
    other = [
        fact("organisation.renamed", id=renaming.id, **(renaming.data | {"name": "Anders"})),
        fact("organisation.renamed", id=renaming.id, causation="cause", **renaming.data),
        fact("organisation.renamed", id=renaming.id, correlation="flow", **renaming.data),
        fact("cluster.closed", id=renaming.id, cluster=given.cluster(), effective_on=DAY),
    ]
    for one in other:
        refused = given.refused("idempotency_conflict", one)
        assert refused.case["position"] == renaming.first.position


def test_the_same_id_of_another_source_is_another_fact(renaming: Renaming) -> None:
    assert not renaming.again(source="urn:other").duplicate


def test_null_equals_absent(renaming: Renaming) -> None:
    assert renaming.again(note_ref=None).duplicate


def test_decomposed_letters_equal_composed_ones(given: Given) -> None:
    named = {"organisation_id": given.organisation(), "effective_on": DAY}
    id = f"M\u00fcller-{uuid4()}"
    given.post("organisation.renamed", id=id, name="M\u00fcller", **named)
    decomposed = id.replace("\u00fc", "u\u0308")
    again = given.post("organisation.renamed", id=decomposed, name="Mu\u0308ller", **named)
    assert again.duplicate


def test_who_posts_again_does_not_matter(renaming: Renaming) -> None:
    assert renaming.again(by=office("any")).duplicate


def test_a_fact_taken_once_is_answered_although_its_rule_would_fail_today(given: Given) -> None:
    person, activity, id = str(uuid4()), given.activity(), str(uuid4())
    there = {"activity_id": activity, "person_ref": person}
    first = given.post("attendance.recorded", id=id, **there)
    given.post("activity.cancelled", activity_id=activity)
    given.post("person.erased", person_ref=person, legal_basis="art-17")
    again = given.post("attendance.recorded", id=id, **there)
    assert (again.position, again.duplicate) == (first.position, True)
    given.refused("person_erased", fact("attendance.recorded", **there))


def test_a_fact_that_was_voided_is_still_answered_with_its_receipt(renaming: Renaming) -> None:
    renaming.given.void(renaming.first)
    assert renaming.again().position == renaming.first.position


def test_the_same_fact_twice_in_one_batch_takes_one_position(given: Given) -> None:
    renamed = fact(
        "organisation.renamed", organisation_id=given.organisation(), name="Neu", effective_on=DAY
    )
    one, two = given.record(renamed, renamed)
    assert (one.duplicate, two.duplicate) == (False, True)
    assert one.position == two.position


def test_the_same_id_twice_in_one_batch_with_other_content_refuses_the_batch(given: Given) -> None:
    named = {"organisation_id": given.organisation(), "effective_on": DAY, "id": str(uuid4())}
    one = fact("organisation.renamed", name="Neu", **named)
    two = fact("organisation.renamed", name="Anders", **named)
    given.refused("idempotency_conflict", one, two)
    given.record(one)


def test_a_second_attendance_under_another_id_takes_no_position(given: Given) -> None:
    there = {"activity_id": given.activity(), "person_ref": str(uuid4())}
    first = given.post("attendance.recorded", **there)
    head = given.ledger.book.head().position
    second = given.post("attendance.recorded", **there)
    assert second.duplicate
    assert (second.id, second.position) == (first.id, first.position)
    assert second.leaf_hash == first.leaf_hash
    assert given.ledger.book.head().position == head


def test_a_second_attendance_does_not_fail_its_batch(given: Given) -> None:
    there = {"activity_id": given.activity(), "person_ref": str(uuid4())}
    other = {"activity_id": there["activity_id"], "person_ref": str(uuid4())}
    receipts = given.record(
        fact("attendance.recorded", **there),
        fact("attendance.recorded", **there),
        fact("attendance.recorded", **other),
    )
    assert [r.duplicate for r in receipts] == [False, True, False]
    assert receipts[2].position == receipts[0].position + 1


def test_a_second_attendance_for_another_organisation_is_refused(given: Given) -> None:
    mine, other = given.organisation(), given.organisation()
    there = {"activity_id": given.activity(), "person_ref": str(uuid4())}
    given.post("attendance.recorded", organisation_id=mine, **there)
    given.refused("other_organisation", fact("attendance.recorded", organisation_id=other, **there))
    assert given.post("attendance.recorded", organisation_id=mine, **there).duplicate


def test_an_attendance_follows_its_registration(given: Given) -> None:
    there = {"activity_id": given.activity(), "person_ref": str(uuid4())}
    assert given.post("attendance.registered", **there).version == 1
    assert given.post("attendance.registered", **there).duplicate
    assert given.post("attendance.recorded", **there).version == 2


def test_an_expected_version_makes_a_write_conditional(given: Given) -> None:
    named = {"organisation_id": given.organisation(), "effective_on": DAY}
    stale = fact("organisation.renamed", name="A", expected_version=0, **named)
    refused = given.refused("version_mismatch", stale)
    assert (refused.case["version"], refused.case["expected"]) == (1, 0)
    given.post("organisation.renamed", name="B", expected_version=1, **named)
    given.refused(
        "version_mismatch", fact("organisation.renamed", name="C", expected_version=1, **named)
    )


def test_a_repeated_conditional_write_is_answered_before_its_version_is_looked_at(
    given: Given,
) -> None:
    id, named = str(uuid4()), {"organisation_id": given.organisation(), "effective_on": DAY}
    for duplicate in (False, True):
        receipt = given.post("organisation.renamed", id=id, name="B", expected_version=1, **named)
        assert receipt.duplicate is duplicate


def test_an_expected_version_counts_the_facts_before_it_in_its_batch(given: Given) -> None:
    named = {"organisation_id": given.organisation(), "effective_on": DAY}
    given.record(
        fact("organisation.renamed", name="B", expected_version=1, **named),
        fact("organisation.renamed", name="C", expected_version=2, **named),
    )


def test_a_refused_fact_keeps_its_whole_batch_out(given: Given) -> None:
    who, cluster = given.organisation(), given.cluster()
    pair = {"organisation_id": who, "cluster": cluster}
    good = fact("membership.admitted", effective_on=DAY, **pair)
    bad = fact("membership.ended", last_day="2001-01-01", cause="lapsed", **pair)
    given.refused("not_a_member", good, bad)
    assert not given.record(good)[0].duplicate


def test_a_refusal_names_the_item_in_the_way(given: Given) -> None:
    from ledger.domain.commands import Refused

    who = given.organisation()
    with pytest.raises(Refused) as caught:
        given.record(
            fact("organisation.renamed", organisation_id=who, name="A", effective_on=DAY),
            fact("cluster.closed", cluster="nowhere", effective_on=DAY),
        )
    assert caught.value.item == 1


def test_a_batchs_receipts_come_in_its_order(given: Given) -> None:
    who = given.organisation()
    batch = [
        fact("organisation.renamed", organisation_id=who, name=str(n), effective_on=DAY)
        for n in range(5)
    ]
    receipts = given.record(*batch)
    assert [r.id for r in receipts] == [f.id for f in batch]
    assert [r.source for r in receipts] == [SOURCE] * 5
    assert [r.position - receipts[0].position for r in receipts] == [0, 1, 2, 3, 4]


def test_of_several_facts_of_one_day_the_last_one_recorded_holds(given: Given) -> None:
    from ledger.domain.history import fold, standing
    from ledger.domain.organisation import LAW

    who = given.organisation()
    renamed = {"organisation_id": who}
    last = given.post("organisation.renamed", name="2021", effective_on="2021-01-01", **renamed)
    given.post("organisation.renamed", name="first", effective_on="2020-01-01", **renamed)
    given.post("organisation.renamed", name="second", effective_on="2020-01-01", **renamed)
    state = fold(LAW, standing(given.ledger.book.streams([last.stream])[last.stream]))
    names = [(day.year, profile.name) for day, profile in state.profiles]
    assert names == [(2000, "Muster GmbH"), (2020, "second"), (2021, "2021")]
