"""The book: immutable facts in one order, read through the eventsourcing library."""

from __future__ import annotations

import inspect
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any

import psycopg
import pytest
from eventsourcing.application import NotificationLog
from eventsourcing.persistence import StoredEvent
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore

from ledger.domain.cluster import LAW
from ledger.domain.history import Entry
from ledger.store.book import (
    Book,
    InvalidOrigin,
    NoLedger,
    NotImplementedByDesign,
    OtherOrigin,
    create,
)
from ledger.store.codec import decode_leaf, event_key
from ledger.store.database import PROJECTOR, READER, WRITER, connect
from tests.domain.kit import Given, fact
from tests.store.conftest import ORIGIN

DAY = "2020-01-01"


@pytest.mark.parametrize(
    ("owner", "name", "parameters"),
    [
        (PostgresApplicationRecorder, "_lock_table", ["self", "curs"]),
        (
            PostgresApplicationRecorder,
            "_insert_stored_events",
            ["self", "curs", "stored_events", "kwargs"],
        ),
        (PostgresApplicationRecorder, "insert_events", ["self", "stored_events", "kwargs"]),
        (
            PostgresApplicationRecorder,
            "_fetch_ids_after_insert_events",
            ["self", "curs", "stored_events", "_"],
        ),
        (
            PostgresApplicationRecorder,
            "select_notifications",
            ["self", "start", "limit", "stop", "topics", "inclusive_of_start"],
        ),
        (PostgresDatastore, "get_connection", ["self"]),
    ],
)
def test_the_librarys_hooks_are_where_they_were(
    owner: type, name: str, parameters: list[str]
) -> None:
    assert list(inspect.signature(getattr(owner, name)).parameters) == parameters


def test_the_recorder_overrides_hooks_that_exist() -> None:
    from ledger.store.book import FactRecorder

    hooks = {"_lock_table", "_insert_stored_events", "insert_events"}
    assert hooks <= vars(FactRecorder).keys()
    for name in hooks:
        ours = inspect.signature(getattr(FactRecorder, name))
        theirs = inspect.signature(getattr(PostgresApplicationRecorder, name))
        assert list(ours.parameters) == list(theirs.parameters)


def test_the_library_can_not_append_past_the_head_lock(given: Given) -> None:
    code = given.cluster()
    book = given.ledger.book
    entry = decode_leaf(book.leaves(0, 1)[0])
    with pytest.raises(NotImplementedByDesign):
        book.recorder.insert_events([])
    with pytest.raises(NotImplementedByDesign):
        book.events.put([entry])
    assert code
    assert book.head().position == 1


def test_the_librarys_repository_folds_a_stream(given: Given) -> None:
    code = given.cluster()
    renamed = given.post("cluster.renamed", cluster=code, name="Bahn", effective_on=DAY)

    def project(state: Any, entries: Iterable[Entry]) -> Any:
        for entry in entries:
            state = LAW.evolve(state or LAW.initial, entry.fact)
        return state

    repository: Any = given.ledger.book.repository
    now = repository.get(renamed.stream, projector_func=project)
    before = repository.get(renamed.stream, version=1, projector_func=project)
    assert [name for _, name in now.names] == ["Rail", "Bahn"]
    assert [name for _, name in before.names] == ["Rail"]


def test_the_librarys_notification_log_reads_in_order(given: Given) -> None:
    codes = [given.cluster() for _ in range(5)]
    log: NotificationLog = given.ledger.book.notification_log
    notifications = log.select(start=2, limit=3)
    assert [n.id for n in notifications] == [2, 3, 4]
    mapper: Any = given.ledger.book.mapper
    entries = [mapper.to_domain_event(n) for n in notifications]
    assert [e.fact.cluster for e in entries] == codes[1:4]
    assert [n.topic for n in notifications] == ["cluster.registered.v1"] * 3


def test_the_mapper_stores_the_leaf(given: Given) -> None:
    given.cluster()
    book = given.ledger.book
    leaf = book.leaves(0, 1)[0]
    mapper: Any = book.mapper
    stored: StoredEvent = mapper.to_stored_event(decode_leaf(leaf))
    assert (stored.state, stored.originator_version) == (leaf, 1)


def test_the_row_says_what_the_leaf_says(given: Given, book_url: str) -> None:
    receipt = given.post("cluster.registered", cluster="rail", name="Rail", effective_on=DAY)
    with connect(book_url, READER) as conn:
        row = conn.execute(
            "SELECT notification_id, originator_id, originator_version, topic, state, leaf_hash,"
            " event_key, recorded_at FROM ledger.facts"
        ).fetchone()
    assert row is not None
    entry = decode_leaf(row[4])
    assert row[:4] == (entry.position, entry.stream, entry.version, entry.fact.topic)
    assert row[5] == sha256(b"\0" + row[4]).digest()
    assert row[5].hex() == receipt.leaf_hash
    assert row[6] == event_key(entry.source, entry.id)
    assert row[7] == datetime.fromisoformat(entry.recorded_at)
    assert receipt.recorded_at == entry.recorded_at
    assert (receipt.position, receipt.version) == (1, 1)


# Facts are immutable


CHANGES = [
    "UPDATE ledger.facts SET topic = topic",
    "DELETE FROM ledger.facts",
    "TRUNCATE ledger.facts",
    "TRUNCATE ledger.facts CASCADE",
]


@pytest.mark.parametrize("change", CHANGES)
def test_facts_refuse_every_change_even_by_the_owner(
    given: Given, book_url: str, change: str
) -> None:
    given.cluster()
    with (
        connect(book_url, None, autocommit=True) as conn,
        pytest.raises(psycopg.errors.RaiseException, match="facts are immutable"),
    ):
        conn.execute(change)
    assert len(given.ledger.book.leaves(0, 10)) == 1


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("role", [WRITER, PROJECTOR, READER])
def test_no_service_role_may_even_try(given: Given, book_url: str, role: str, change: str) -> None:
    given.cluster()
    with connect(book_url, role, autocommit=True) as conn:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute(change)
        assert conn.execute("SELECT count(*) FROM ledger.facts").fetchone() == (1,)


def test_the_triggers_hold_on_a_replica_too(given: Given, book_url: str) -> None:
    given.cluster()
    with connect(book_url, None, autocommit=True) as conn:
        conn.execute("SET session_replication_role = replica")
        for change in CHANGES[:3]:
            with pytest.raises(psycopg.errors.RaiseException):
                conn.execute(change)


def test_only_the_writer_appends(given: Given, book_url: str) -> None:
    given.cluster()
    for role in (PROJECTOR, READER):
        with (
            connect(book_url, role, autocommit=True) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            conn.execute("INSERT INTO ledger.facts SELECT * FROM ledger.facts")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE ledger.head SET position = position - 1",
        "UPDATE ledger.head SET recorded_at = recorded_at - interval '1 second'",
        "UPDATE ledger.head SET origin = 'other.example'",
        "DELETE FROM ledger.head",
    ],
)
def test_the_head_only_moves_forward(given: Given, book_url: str, change: str) -> None:
    given.cluster()
    with connect(book_url, None, autocommit=True) as conn:
        with pytest.raises(psycopg.errors.RaiseException, match="only moves forward"):
            conn.execute(change)
        conn.execute("UPDATE ledger.head SET position = position + 1")


def test_an_origin_is_given_once(database_url: str) -> None:
    with pytest.raises(NoLedger):
        Book(database_url)
    create(database_url, ORIGIN)
    create(database_url, ORIGIN)
    with pytest.raises(OtherOrigin, match=ORIGIN):
        create(database_url, "other.example")
    book = Book(database_url)
    assert book.origin == ORIGIN
    book.close()


def test_an_origin_is_a_host_and_a_path(database_url: str) -> None:
    for wrong in ("", "Upper.example", "with space", "https://x.example"):
        with pytest.raises(InvalidOrigin):
            create(database_url, wrong)


# Reading


def test_pages_and_streams_stop_where_they_are_told(given: Given) -> None:
    code = given.cluster()
    receipts = [
        given.post("cluster.renamed", cluster=code, name=str(n), effective_on=DAY) for n in range(4)
    ]
    book = given.ledger.book
    assert [decode_leaf(leaf).position for leaf in book.leaves(1, 2)] == [2, 3]
    assert [decode_leaf(leaf).position for leaf in book.leaves(1, 10, upto=3)] == [2, 3]
    assert book.leaves(5, 10) == []
    stream = receipts[0].stream
    assert [e.version for e in book.streams([stream])[stream]] == [1, 2, 3, 4, 5]
    assert [e.version for e in book.streams([stream], upto=2)[stream]] == [1, 2]
    assert book.streams([]) == {}


def test_an_instant_is_the_last_position_recorded_by_then(given: Given) -> None:
    first, _, third = (given.post("cluster.registered", **_cluster(n)) for n in range(3))
    book = given.ledger.book
    early, late = (datetime.fromisoformat(r.recorded_at) for r in (first, third))
    assert book.position_at(early - timedelta(microseconds=1)) == 0
    assert book.position_at(early) >= 1
    assert book.position_at(late) == 3
    assert book.head().position == 3
    assert book.head().recorded_at == late


def _cluster(n: int) -> dict[str, Any]:
    return {"cluster": f"c{n}", "name": "Rail", "effective_on": DAY}


def test_recorded_at_never_decreases_although_the_clock_steps_back(
    given: Given, book_url: str
) -> None:
    given.cluster()
    ahead = datetime.fromisoformat("2099-01-01T00:00:00+00:00")
    with connect(book_url, None, autocommit=True) as conn:
        conn.execute("UPDATE ledger.head SET recorded_at = %s", (ahead,))
    code = given.cluster()
    receipt = given.post("cluster.renamed", cluster=code, name="A", effective_on=DAY)
    assert datetime.fromisoformat(receipt.recorded_at) == ahead


def test_positions_have_no_gap_after_refusals(given: Given) -> None:
    code = given.cluster()
    for _ in range(3):
        given.refused("unknown_cluster", fact("cluster.closed", cluster="no", effective_on=DAY))
        given.post("cluster.renamed", cluster=code, name="A", effective_on=DAY)
    entries = [decode_leaf(leaf) for leaf in given.ledger.book.leaves(0, 100)]
    assert [e.position for e in entries] == [1, 2, 3, 4]
    assert [e.version for e in entries] == [1, 2, 3, 4]
