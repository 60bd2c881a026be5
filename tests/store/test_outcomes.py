"""What COMMIT said, or did not say; places that two processes give away; settings that lose."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from uuid import uuid4

import psycopg
import pytest
from eventsourcing.persistence import OperationalError

from ledger.domain.commands import Refused
from ledger.service import Ledger
from ledger.store.database import WRITER, UnsafeDatabase, connect, refuse_unsafe_settings
from ledger.store.embedded import EmbeddedPostgres
from tests.domain.kit import ADMIN, Given, fact
from tests.store.test_faults import own_server  # noqa: F401 - a fixture

WARNS = """
CREATE FUNCTION warn() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE WARNING 'the standby did not answer'; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER warns AFTER INSERT ON ledger.facts
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION warn();
"""
PLACES = 10
CLUSTER = {"cluster": "rail", "name": "Rail", "effective_on": "2006-02-01"}


def test_a_commit_that_warns_is_no_success_until_the_facts_are_found(
    given: Given, book_url: str
) -> None:
    first = fact("cluster.registered", **CLUSTER)
    with psycopg.connect(book_url, autocommit=True) as conn:
        conn.execute(WARNS)
    (receipt,) = given.record(first)
    assert receipt.duplicate, "it was looked for, and found"
    assert given.ledger.book.head().position == 1


def test_control_a_commit_that_does_not_warn_is_believed(given: Given) -> None:
    (receipt,) = given.record(fact("cluster.registered", **CLUSTER))
    assert not receipt.duplicate


def test_an_answer_lost_behind_the_commit_is_found_again(
    given: Given, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = given.ledger.book.recorder
    heard = recorder.raise_commit_warning
    lost: list[int] = []

    def lose() -> None:
        if not lost:
            lost.append(given.ledger.book.head().position)
            raise OperationalError("server closed the connection unexpectedly")
        heard()

    monkeypatch.setattr(recorder, "raise_commit_warning", lose)
    (receipt,) = given.record(fact("cluster.registered", **CLUSTER))
    assert lost == [1], "the control: it was committed when the answer was lost"
    assert (receipt.duplicate, receipt.position) == (True, 1)
    assert given.ledger.book.head().position == 1


def test_two_processes_give_no_place_away_twice(given: Given, book_url: str) -> None:
    activity = given.activity(capacity=PLACES)
    before = given.ledger.book.head().position

    def register(ledger: Ledger) -> int:
        taken = 0
        for _ in range(PLACES):
            came = {"activity_id": activity, "person_ref": str(uuid4())}
            try:
                ledger.record(ADMIN, [fact("attendance.registered", **came)])
                taken += 1
            except Refused as refused:
                if refused.refusal.code != "capacity_reached":
                    raise
        return taken

    with Ledger.open(book_url) as other, ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(register, [given.ledger, other]))
    assert sum(taken) == PLACES
    assert given.ledger.book.head().position == before + PLACES


@contextmanager
def turned_off(url: str, setting: str) -> Iterator[None]:
    with psycopg.connect(url, autocommit=True) as conn:
        for statement in (f"ALTER SYSTEM SET {setting} = off", f"ALTER SYSTEM RESET {setting}"):
            conn.execute(statement.encode())
            conn.execute("SELECT pg_reload_conf()")
            if statement.endswith("off"):
                time.sleep(0.5)  # each session hears of it by itself
                yield


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_may_lose_facts_is_refused(
    own_server: EmbeddedPostgres,  # noqa: F811 - the fixture
    setting: str,
) -> None:
    with turned_off(own_server.url, setting), pytest.raises(UnsafeDatabase, match=setting):
        Ledger.open(own_server.url)
    with connect(own_server.url, WRITER) as conn:
        refuse_unsafe_settings(conn)
