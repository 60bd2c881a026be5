"""Group commit: neighbours don't hurt each other, the queue is bounded, nothing queued is lost."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from uuid import uuid4

import psycopg
import pytest

from ledger.domain.commands import Command, Incoming, Refused
from ledger.service import Ledger
from ledger.store import writer as writing
from ledger.store.database import connect
from ledger.store.herald import CHANNEL
from ledger.store.line import Line
from ledger.store.outcomes import OutcomeUnknown, WriterBusy, WriterClosed
from ledger.store.rows import Row
from ledger.store.tickets import Ticket
from tests.domain.kit import ADMIN, Given, fact

DAY = "2020-01-01"
LIMIT_S = 30


def named(name: str = "Rail") -> Incoming:
    """A new cluster."""
    return fact("cluster.registered", cluster=f"c-{uuid4().hex[:12]}", name=name, effective_on=DAY)


def wrong() -> Incoming:
    return fact("cluster.closed", cluster="nowhere", effective_on=DAY)


BY_CONSTRAINT = """
    ALTER TABLE ledger.facts ADD CONSTRAINT no_poison CHECK (position('poison'::bytea in state) = 0)
"""
BY_TRIGGER = """
    CREATE FUNCTION ledger.poisoned() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE EXCEPTION 'poison'; END $$;
    CREATE TRIGGER poisoned BEFORE INSERT ON ledger.facts FOR EACH ROW
        WHEN (position('poison'::bytea in NEW.state) > 0) EXECUTE FUNCTION ledger.poisoned();
"""


class Batch:
    """Commands submitted together, and their tickets once all are done."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._done = threading.Semaphore(0)
        self.tickets: list[Ticket] = []

    def submit(self, *facts: Incoming) -> Ticket:
        ticket = self._ledger.submit(Command(ADMIN, facts), self._deliver)
        self.tickets.append(ticket)
        return ticket

    def _deliver(self, tickets: Sequence[Ticket]) -> None:
        self._done.release(len(tickets))

    def wait(self) -> None:
        for _ in self.tickets:
            assert self._done.acquire(timeout=LIMIT_S)


@contextmanager
def head_locked(url: str) -> Iterator[None]:
    """Meanwhile no writer can append: what is submitted goes into one batch."""
    with connect(url, None) as conn:
        conn.execute("SELECT FROM ledger.head FOR UPDATE")
        yield


def test_commands_that_wait_are_recorded_in_one_transaction(given: Given, book_url: str) -> None:
    batch = Batch(given.ledger)
    with head_locked(book_url):
        batch.submit(named())
        for _ in range(50):
            batch.submit(named())
    batch.wait()
    assert given.ledger.writer.statistics.facts == 51
    assert given.ledger.writer.statistics.batches <= 3
    assert [t.result()[0].position for t in batch.tickets] == list(range(1, 52))


def test_a_refused_command_does_not_fail_its_neighbours(given: Given, book_url: str) -> None:
    batch = Batch(given.ledger)
    with head_locked(book_url):
        for n in range(10):
            batch.submit(*([wrong()] if n % 2 else [named()]))
    batch.wait()
    for n, ticket in enumerate(batch.tickets):
        if n % 2:
            with pytest.raises(Refused):
                ticket.result()
        else:
            assert ticket.result()[0].position == n // 2 + 1


def test_what_a_refused_command_did_before_is_undone(given: Given, book_url: str) -> None:
    cluster = named()
    closed = {"cluster": cluster.fact.cluster, "effective_on": DAY}  # type: ignore[attr-defined]  # a cluster's fact
    batch = Batch(given.ledger)
    with head_locked(book_url):
        refused = batch.submit(cluster, wrong())
        later = batch.submit(fact("cluster.closed", **closed))
        again = batch.submit(cluster)
    batch.wait()
    for ticket in (refused, later):
        with pytest.raises(Refused):
            ticket.result()
    assert not again.result()[0].duplicate


def test_commands_of_one_batch_see_each_other(given: Given, book_url: str) -> None:
    cluster = named()
    closed = {"cluster": cluster.fact.cluster, "effective_on": DAY}  # type: ignore[attr-defined]  # a cluster's fact
    batch = Batch(given.ledger)
    with head_locked(book_url):
        first = batch.submit(cluster)
        repeated = batch.submit(cluster)
        close = batch.submit(fact("cluster.closed", **closed))
        twice = batch.submit(fact("cluster.closed", **closed))
    batch.wait()
    assert first.result()[0].version == 1
    assert repeated.result()[0].duplicate
    assert repeated.result()[0].leaf_hash == first.result()[0].leaf_hash
    assert close.result()[0].version == 2
    with pytest.raises(Refused):
        twice.result()


@pytest.mark.parametrize(
    "obstacle",
    [
        BY_CONSTRAINT,
        BY_TRIGGER,
    ],
)
def test_a_fact_the_database_rejects_does_not_fail_its_neighbours(
    given: Given, book_url: str, obstacle: str
) -> None:
    with connect(book_url, None, autocommit=True) as conn:
        conn.execute(obstacle)
    batch = Batch(given.ledger)
    with head_locked(book_url):
        for n in range(11):
            batch.submit(named("poison" if n == 6 else "Rail"))
    batch.wait()
    with pytest.raises(OutcomeUnknown):
        batch.tickets.pop(6).result()
    assert [t.result()[0].position for t in batch.tickets] == list(range(1, 11))
    assert given.ledger.book.head().position == 10
    assert given.post("cluster.closed", cluster=_code(batch), effective_on=DAY).version == 2


def test_a_rejected_fact_in_a_large_batch_does_not_fail_its_neighbours(
    given: Given, book_url: str
) -> None:
    """Its rejection is noticed while later commands are still being decided on."""
    activities = [given.activity(capacity=1) for _ in range(20)]
    before = given.ledger.book.head().position
    with connect(book_url, None, autocommit=True) as conn:
        conn.execute(BY_CONSTRAINT)
    batch = Batch(given.ledger)
    with head_locked(book_url):
        batch.submit(named())  # the writer takes this one, and waits with it for the lock
        batch.submit(named("poison"))
        for activity in activities:
            batch.submit(*(named() for _ in range(60)))
            for _ in range(2):
                batch.submit(
                    fact("attendance.registered", activity_id=activity, person_ref=str(uuid4()))
                )
    batch.wait()
    with pytest.raises(OutcomeUnknown):
        batch.tickets.pop(1).result()
    outcomes = Counter(type(ticket.error) for ticket in batch.tickets)
    assert outcomes == {type(None): 41, Refused: 20}
    assert given.ledger.book.head().position == before + 1 + 20 * 60 + 20


def _code(batch: Batch) -> str:
    code: str = batch.tickets[0].command.facts[0].fact.cluster  # type: ignore[attr-defined]  # a cluster's fact
    return code


def test_a_full_queue_is_busy_and_recovers(
    given: Given, book_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "QUEUE_FACTS_MAX", 5)
    batch = Batch(given.ledger)
    with head_locked(book_url), pytest.raises(WriterBusy, match="full"):
        _submit_many(batch)
    batch.wait()
    assert 5 <= len(batch.tickets) < 100
    assert all(ticket.result() for ticket in batch.tickets)
    assert given.record(named())


def _submit_many(batch: Batch) -> None:
    for _ in range(100):
        batch.submit(named())


def test_a_command_larger_than_the_queue_is_taken_when_the_queue_is_empty(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "QUEUE_FACTS_MAX", 5)
    assert len(given.record(*(named() for _ in range(20)))) == 20


def test_closing_records_what_is_queued(book_url: str) -> None:
    ledger = Ledger.open(book_url)
    batch = Batch(ledger)
    with head_locked(book_url):
        for _ in range(20):
            batch.submit(named())
        closing = threading.Thread(target=ledger.close)
        closing.start()
    closing.join(LIMIT_S)
    batch.wait()
    assert [t.result()[0].position for t in batch.tickets] == list(range(1, 21))
    with pytest.raises(WriterClosed):
        ledger.submit(Command(ADMIN, (named(),)), lambda _: None)


def test_a_lost_connection_is_tried_again(given: Given, book_url: str) -> None:
    cluster = given.cluster()
    with connect(book_url, None, autocommit=True) as conn:
        ended = conn.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone()
    assert ended is not None
    assert ended[0] > 0
    assert given.post("cluster.renamed", cluster=cluster, name="A", effective_on=DAY).position == 2


def test_a_connection_lost_in_mid_transaction_records_once(given: Given, book_url: str) -> None:
    batch = Batch(given.ledger)
    with (
        connect(book_url, None, autocommit=True) as watcher,
        head_locked(book_url),
    ):
        ticket = batch.submit(named())
        _end_whoever_waits_for_the_head(watcher)
    batch.wait()
    assert ticket.result()[0].position == 1
    assert given.ledger.book.head().position == 1


def test_a_connection_lost_while_facts_are_copied_records_once(
    given: Given, book_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = given.ledger.book.recorder
    copy, lost = recorder.copy, []

    def copy_and_lose(line: Line, rows: Sequence[Row], recorded_at: datetime) -> None:
        copy(line, rows, recorded_at)
        if not lost:
            lost.append(line.conn.info.backend_pid)
            with connect(book_url, None, autocommit=True) as conn:
                conn.execute("SELECT pg_terminate_backend(%s, 5000)", lost)

    monkeypatch.setattr(recorder, "copy", copy_and_lose)
    receipts = given.ledger.record(ADMIN, [named() for _ in range(700)])
    assert lost
    assert [receipt.position for receipt in receipts] == list(range(1, 701))
    assert given.ledger.book.head().position == 700


def _end_whoever_waits_for_the_head(watcher: psycopg.Connection) -> None:
    for _ in range(10_000):
        row = watcher.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        ).fetchone()
        if row is not None and row[0]:
            return
    raise AssertionError("nobody waited for the head")


def test_what_another_process_wrote_is_seen(given: Given, book_url: str) -> None:
    cluster, data = named(), {"effective_on": DAY}
    code: str = cluster.fact.cluster  # type: ignore[attr-defined]  # a cluster's fact
    with Ledger.open(book_url) as other:
        here, there = given, Given(other)
        here.record(cluster)
        there.post("cluster.renamed", cluster=code, name="A", **data)
        assert here.post("cluster.renamed", cluster=code, name="B", **data).version == 3
        there.post("cluster.closed", cluster=code, **data)
        here.refused("already_closed", fact("cluster.closed", cluster=code, **data))
        assert here.record(cluster)[0].duplicate


def test_followers_are_told_after_the_commit(given: Given, book_url: str) -> None:
    with connect(book_url, None, autocommit=True) as conn:
        conn.execute(f"LISTEN {CHANNEL}")
        given.cluster()
        told = next(conn.notifies(timeout=LIMIT_S, stop_after=1))
    assert told.payload == "1"


def test_a_leaf_has_at_most_65535_bytes(given: Given) -> None:
    report = {
        "report": "annual@1",
        "period_from": DAY,
        "period_to": DAY,
        "known_at": 0,
        "definitions": [],
        "sha256": "0" * 64,
    }
    too_long = {"text": "x" * 70_000}
    given.refused("fact_too_large", fact("report.published", parameters=too_long, **report))
    fits = {"text": "x" * 60_000}
    assert given.post("report.published", parameters=fits, **report).position == 1


def test_a_first_attendance_is_a_stream_as_any_other(given: Given, book_url: str) -> None:
    """It goes a short way into the batch: what comes behind it must not notice."""
    came = {"activity_id": given.activity(), "person_ref": str(uuid4())}
    other = came | {"person_ref": str(uuid4())}

    def attended(who: dict[str, str]) -> Incoming:
        return fact("attendance.recorded", **who)

    batch = Batch(given.ledger)
    with head_locked(book_url):
        first = batch.submit(attended(came))
        twin = batch.submit(attended(came))
        refused = batch.submit(attended(other), wrong())
        voided = batch.submit(
            attended(other), fact("attendance.voided", reason="error", **other), attended(other)
        )
        unregistered = batch.submit(fact("attendance.withdrawn", **came))
    batch.wait()
    assert twin.result()[0].duplicate
    assert twin.result()[0].leaf_hash == first.result()[0].leaf_hash
    assert [receipt.version for receipt in voided.result()] == [1, 2, 3]
    for ticket in (refused, unregistered):
        with pytest.raises(Refused):
            ticket.result()
    streams = given.ledger.book.streams([first.result()[0].stream, voided.result()[0].stream])
    assert sorted(map(len, streams.values())) == [1, 3]
