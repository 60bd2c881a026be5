"""A large batch after nothing but new facts is believed to be new too, and never wrongly."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import uuid4

import pytest

from ledger.domain.commands import Command, Incoming, Receipt, Refused
from ledger.service import Ledger
from ledger.store import writer as writing
from ledger.store.batch import Wanted
from ledger.store.book import FactRecorder
from ledger.store.clerk import MEANWHILE_FACTS
from ledger.store.line import Line
from ledger.store.rows import Row, look_up
from ledger.store.writer import CHUNK_FACTS, TRUST_AFTER
from tests.domain.kit import ADMIN, Given, fact
from tests.store.test_writer import Batch, head_locked, named, wrong

Asked = list[int]
"""How many event keys each transaction asked for."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    counts: Asked = []

    def counted(line: object, wanted: Wanted, *, trusting: bool) -> None:
        counts.append(0 if trusting else len(wanted.keys))
        look_up(line, wanted, trusting=trusting)  # type: ignore[arg-type]  # handed on

    monkeypatch.setattr(writing, "look_up", counted)
    return counts


def trusted(given: Given) -> list[Receipt]:
    """New facts, one batch after the other, until a large one is believed to be new."""
    return [given.record(named())[0] for _ in range(TRUST_AFTER)]


def large(*others: Incoming) -> list[Incoming]:
    return [*(named() for _ in range(CHUNK_FACTS)), *others]


def test_of_a_large_batch_after_new_ones_no_key_is_looked_up(given: Given, asked: Asked) -> None:
    trusted(given)
    receipts = given.record(*large())
    assert asked == [1] * TRUST_AFTER + [0]
    assert not any(receipt.duplicate for receipt in receipts)


def test_of_a_small_batch_every_key_is(given: Given, asked: Asked) -> None:
    trusted(given)
    given.record(named())
    assert asked == [1] * (TRUST_AFTER + 1)


def test_a_fact_that_is_there_gets_its_first_receipt_all_the_same(
    given: Given, asked: Asked
) -> None:
    again = named()
    first = given.record(again)[0]
    trusted(given)
    receipts = given.record(*large(again))
    assert asked[-2:] == [0, CHUNK_FACTS + 1]
    assert receipts[-1].duplicate
    assert receipts[-1].position == first.position
    assert receipts[0].position == TRUST_AFTER + 2


def test_a_fact_no_rule_speaks_against_is_not_recorded_twice(given: Given) -> None:
    cluster = given.cluster()
    renamed = fact("cluster.renamed", cluster=cluster, name="Rails", effective_on="2021-01-01")
    first = given.record(renamed)[0]
    trusted(given)
    receipt = given.record(*large(renamed))[-1]
    assert receipt.duplicate
    assert receipt.position == first.position


def _other_content(given: Given) -> Incoming:
    cluster, id = given.cluster(), str(uuid4())
    given.post("cluster.renamed", id=id, cluster=cluster, name="A", effective_on="2021-01-01")
    return fact("cluster.renamed", id=id, cluster=cluster, name="B", effective_on="2021-01-01")


@pytest.mark.parametrize(
    ("made", "code"),
    [(_other_content, "idempotency_conflict"), (lambda _: wrong(), "unknown_cluster")],
    ids=["other content", "against a rule"],
)
def test_a_refusal_is_what_it_would_be_otherwise(
    given: Given, asked: Asked, made: Callable[[Given], Incoming], code: str
) -> None:
    refused = made(given)
    trusted(given)
    given.refused(code, *large(refused))
    assert asked[-2:] == [0, CHUNK_FACTS + 1]


def test_after_a_fact_that_was_there_keys_are_looked_up_again(given: Given, asked: Asked) -> None:
    again = named()
    given.record(again)
    trusted(given)
    given.record(*large(again))
    given.record(*large())
    assert asked[-1] == CHUNK_FACTS


def test_what_another_process_recorded_is_found(book_url: str, asked: Asked) -> None:
    with Ledger.open(book_url) as one, Ledger.open(book_url) as other:
        given, again = Given(one), named()
        trusted(given)
        first = other.record(ADMIN, [again])[0]
        receipts = given.record(*large(again))
    assert 0 in asked
    assert receipts[-1].position == first.position


def _came(given: Given) -> dict[str, str]:
    return {"activity_id": given.activity(), "person_ref": str(uuid4())}


def test_who_came_before_under_another_id_gets_the_first_receipt(
    given: Given, asked: Asked
) -> None:
    came = _came(given)
    first = given.post("attendance.recorded", **came)
    trusted(given)
    receipts = given.record(*large(fact("attendance.recorded", **came)))
    assert asked[-2:] == [0, CHUNK_FACTS + 1]
    assert receipts[-1].duplicate
    assert receipts[-1].position == first.position
    assert not receipts[0].duplicate


def test_who_registered_with_another_process_comes_as_the_second_fact(
    book_url: str, asked: Asked
) -> None:
    with Ledger.open(book_url) as one, Ledger.open(book_url) as other:
        given = Given(one)
        came = _came(given)
        trusted(given)
        Given(other).post("attendance.registered", **came)
        receipts = given.record(*large(fact("attendance.recorded", **came)))
        entries = one.book.streams([receipts[-1].stream])[receipts[-1].stream]
    assert asked[-2:] == [0, CHUNK_FACTS + 1]
    assert [entry.fact.topic for entry in entries] == [
        "attendance.registered.v1",
        "attendance.recorded.v1",
    ]


def test_who_registered_here_is_known_and_no_disappointment(given: Given, asked: Asked) -> None:
    came = _came(given)
    registered = given.post("attendance.registered", **came)
    trusted(given)
    receipts = given.record(*large(fact("attendance.recorded", **came)))
    assert asked[-2:] == [1, 0]
    assert (receipts[-1].stream, receipts[-1].version) == (registered.stream, 2)


def test_who_is_voided_and_comes_again_in_one_batch_is_no_disappointment(
    given: Given, asked: Asked
) -> None:
    came = _came(given)
    given.post("attendance.recorded", **came)
    trusted(given)
    again = fact("attendance.voided", reason="error", **came), fact("attendance.recorded", **came)
    receipts = given.record(*large(*again))
    assert asked[-2:] == [1, 0]
    assert [receipt.version for receipt in receipts[-2:]] == [2, 3]


def test_batches_of_attendances_that_were_there_earn_no_trust(given: Given, asked: Asked) -> None:
    came = [_came(given) for _ in range(TRUST_AFTER)]
    for each in came:
        given.post("attendance.recorded", **each)
        given.post("attendance.voided", reason="error", **each)
    given.ledger.writer.forget()
    for each in came:
        given.post("attendance.recorded", **each)
    given.record(*large())
    assert asked[-1] == CHUNK_FACTS


def test_after_a_disappointment_trust_takes_twice_as_long(given: Given, asked: Asked) -> None:
    again = named()
    given.record(again)
    trusted(given)
    given.record(*large(again))
    trusted(given)
    given.record(*large())
    assert asked[-1] == CHUNK_FACTS
    trusted(given)
    given.record(*large())
    assert asked[-1] == 0


@pytest.fixture
def copied(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many facts each piece of a copy holds."""
    sizes: list[int] = []
    copy = FactRecorder.copy

    def counted(self: FactRecorder, line: Line, rows: Sequence[Row], at: datetime) -> None:
        sizes.append(len(rows))
        copy(self, line, rows, at)

    monkeypatch.setattr(FactRecorder, "copy", counted)
    return sizes


def test_facts_of_a_believed_command_are_on_their_way_before_it_is_decided_on(
    given: Given, copied: list[int]
) -> None:
    given.record(*large())
    assert copied == [CHUNK_FACTS]
    trusted(given)
    receipts = given.record(*large())
    assert copied[1:] == [MEANWHILE_FACTS] * (CHUNK_FACTS // MEANWHILE_FACTS)
    first = receipts[0].position
    assert [it.position for it in receipts] == list(range(first, first + CHUNK_FACTS))


def test_a_command_that_was_half_on_its_way_is_refused_and_its_neighbours_stand(
    given: Given, book_url: str, copied: list[int]
) -> None:
    trusted(given)
    batch = Batch(given.ledger)
    with head_locked(book_url):
        given.ledger.submit(Command(ADMIN, (named(),)), lambda _: None)  # the others wait for it
        before, refused, after = (batch.submit(*large(*it)) for it in ((), (wrong(),), ()))
    batch.wait()
    assert MEANWHILE_FACTS in copied
    with pytest.raises(Refused):
        refused.result()
    positions = [receipt.position for it in (before, after) for receipt in it.result()]
    assert positions == list(range(positions[0], positions[0] + 2 * CHUNK_FACTS))
    assert given.ledger.book.head().position == positions[-1]


def test_a_refused_large_batch_leaves_nothing(given: Given) -> None:
    trusted(given)
    with pytest.raises(Refused):
        given.record(*large(wrong()))
    assert given.record(named())[0].position == TRUST_AFTER + 1
