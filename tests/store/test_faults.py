"""Acknowledged is kept, no gap, no double: under load, with processes killed in the middle.

Every search for losses has a control: fed with a log that lost something, it must find it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from ledger.domain.commands import Receipt
from ledger.domain.history import Entry
from ledger.service import Ledger
from ledger.store.book import PAGE_FACTS, Book, create
from ledger.store.codec import decode_leaf
from ledger.store.database import connect
from ledger.store.embedded import EmbeddedPostgres
from ledger.store.migrate import migrate
from ledger.store.outcomes import OutcomeUnknown
from tests.domain.kit import ADMIN, Given
from tests.store.conftest import ORIGIN
from tests.store.posting_child import BATCH_FACTS, posted

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 60
Acknowledged = dict[str, tuple[int, str]]
"""By the fact's id: position and leaf hash of its receipt."""


def stored(book: Book) -> list[Entry]:
    """Every fact of the book, in order."""
    entries: list[Entry] = []
    while leaves := book.leaves(len(entries), PAGE_FACTS):
        entries += map(decode_leaf, leaves)
    return entries


def lost(acknowledged: Acknowledged, entries: Iterable[Entry]) -> set[str]:
    """Ids that were acknowledged at a position where they are not."""
    there = {entry.id: entry.position for entry in entries}
    return {id for id, (position, _) in acknowledged.items() if there.get(id) != position}


def disorder(entries: Iterable[Entry]) -> list[str]:
    """Gaps and doubles of positions, versions and ids; half batches."""
    found: list[str] = []
    versions: Counter[object] = Counter()
    ids: Counter[str] = Counter()
    batches: Counter[str] = Counter()
    for n, entry in enumerate(entries, 1):
        versions[entry.stream] += 1
        ids[entry.id] += 1
        batches[entry.id.partition("-")[0]] += 1
        if entry.position != n:
            found.append(f"position {entry.position} is the {n}th")
        if entry.version != versions[entry.stream]:
            found.append(f"version {entry.version} at {n}")
    found += [f"{id} twice" for id, times in ids.items() if times > 1]
    found += [f"half batch {b}" for b, facts in batches.items() if facts != BATCH_FACTS]
    return found


def gaps(seen: list[int]) -> list[int]:
    """Positions after which a tailing reader missed one, or saw one twice."""
    return [a for a, b in zip([0, *seen], seen, strict=False) if b != a + 1]


def acknowledge(acknowledged: Acknowledged, receipts: Iterable[Receipt]) -> None:
    for receipt in receipts:
        acknowledged[receipt.id] = (receipt.position, receipt.leaf_hash)


# Eight writers and a tailing reader


def test_eight_writers_and_a_tailing_reader_see_no_gap_and_no_double(book_url: str) -> None:
    writers, batches_each = 8, 40
    acknowledged: Acknowledged = {}
    seen: list[int] = []
    done = threading.Event()
    with ExitStack() as stack:
        book = Book(book_url)
        stack.callback(book.close)
        ledgers = [stack.enter_context(Ledger.open(book_url)) for _ in range(writers)]

        def write(number: int) -> list[Receipt]:
            mine = range(number * batches_each, (number + 1) * batches_each)
            return [r for batch in mine for r in ledgers[number].record(ADMIN, posted(batch))]

        def tail() -> None:
            while True:
                last_round = done.is_set()
                leaves = book.leaves(len(seen), PAGE_FACTS)
                seen.extend(decode_leaf(leaf).position for leaf in leaves)
                if last_round:
                    return

        reader = stack.enter_context(ThreadPoolExecutor(1)).submit(tail)
        for receipts in stack.enter_context(ThreadPoolExecutor(writers)).map(write, range(writers)):
            acknowledge(acknowledged, receipts)
        done.set()
        reader.result(LIMIT_S)
        entries = stored(book)
    assert len(entries) == len(acknowledged) == writers * batches_each * BATCH_FACTS
    assert gaps(seen) == []
    assert len(seen) == len(entries)
    assert disorder(entries) == []
    assert lost(acknowledged, entries) == set()
    instants = [entry.recorded_at for entry in entries]
    assert instants == sorted(instants)


def test_control_a_tailing_reader_of_an_unlocked_append_sees_a_gap(book_url: str) -> None:
    """Without the head lock, the position taken first may be committed last."""
    book = Book(book_url)
    seen: list[int] = []

    def tail() -> None:
        after = seen[-1] if seen else 0
        leaves = book.leaves(after, PAGE_FACTS)
        seen.extend(decode_leaf(leaf).position for leaf in leaves)

    with Ledger.open(book_url) as ledger:
        ledger.record(ADMIN, posted(0))
    tail()
    with connect(book_url, None) as slow, connect(book_url, None) as fast:
        _append_unlocked(slow, 4)
        _append_unlocked(fast, 5)
        fast.commit()
        tail()
        slow.commit()
        tail()
    book.close()
    assert seen == [1, 2, 3, 5]
    assert gaps(seen) == [3]


def _append_unlocked(conn: psycopg.Connection, position: int) -> None:
    conn.execute(
        "INSERT INTO ledger.facts SELECT %(to)s, gen_random_uuid(), 1, topic,"
        " convert_to(replace(convert_from(state, 'UTF8'), '\"position\":1,',"
        " format('\"position\":%%s,', %(to)s::int)), 'UTF8'), leaf_hash, gen_random_uuid(),"
        " recorded_at FROM ledger.facts WHERE notification_id = 1",
        {"to": position},
    )


def test_control_losses_gaps_and_doubles_are_found(given: Given) -> None:
    acknowledged: Acknowledged = {}
    for batch in range(3):
        acknowledge(acknowledged, given.record(*posted(batch)))
    entries = stored(given.ledger.book)
    assert lost(acknowledged, entries) == set()
    assert disorder(entries) == []
    cut = entries[:4] + entries[5:]
    assert lost(acknowledged, cut) == {entries[4].id}
    assert {"half batch 1", "position 6 is the 5th"} <= set(disorder(cut))
    assert f"{entries[0].id} twice" in disorder([*entries, entries[0]])
    assert lost(acknowledged, entries[:-1]) == {entries[-1].id}
    assert gaps([1, 2, 4]) == [2]
    assert gaps([1, 2, 2, 3]) == [2]


# kill -9 of a writing process


@pytest.fixture
def child(book_url: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.store.posting_child", book_url],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait(LIMIT_S)


def test_killing_a_writing_process_loses_nothing_acknowledged(
    child: subprocess.Popen[str], given: Given
) -> None:
    assert child.stdout is not None
    lines = [child.stdout.readline() for _ in range(300)]
    os.kill(child.pid, signal.SIGKILL)
    lines += child.stdout.readlines()
    child.wait(LIMIT_S)
    acknowledged: Acknowledged = {}
    for line in lines:
        if line.endswith("\n"):  # the last one may be cut
            id, position, leaf_hash = line.split()
            acknowledged[id] = (int(position), leaf_hash)
    assert len(acknowledged) >= 300

    _wait_until_its_sessions_ended(given)
    entries = stored(given.ledger.book)
    assert lost(acknowledged, entries) == set()
    assert disorder(entries) == []

    batches = max(int(entry.id.partition("-")[0]) for entry in entries) + 1
    again: Acknowledged = {}
    new = 0
    for batch in range(batches):
        receipts = given.record(*posted(batch))
        acknowledge(again, receipts)
        new += sum(not receipt.duplicate for receipt in receipts)
    assert new == batches * BATCH_FACTS - len(entries)
    assert {id: again[id] for id in acknowledged} == acknowledged
    assert disorder(stored(given.ledger.book)) == []


def _wait_until_its_sessions_ended(given: Given) -> None:
    """A commit under way when the process died may still finish: that is no fault."""
    deadline = time.monotonic() + LIMIT_S
    with given.ledger.book.cursor() as curs:
        while time.monotonic() < deadline:
            row = curs.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state <> 'idle' AND pid <> pg_backend_pid()"
            ).fetchone()
            if row == (0,):
                return
    raise AssertionError("the killed process's sessions did not end")


# kill -9 of PostgreSQL


@pytest.fixture
def own_server(postgres_bin: Path | None) -> Iterator[EmbeddedPostgres]:
    """A server that the test may kill. Its data go with it."""
    with (
        tempfile.TemporaryDirectory(prefix="clusterledger-faults-") as folder,
        EmbeddedPostgres.start(Path(folder), postgres_bin=postgres_bin) as postgres,
    ):
        migrate(postgres.url)
        create(postgres.url, ORIGIN)
        yield postgres


class Posters:
    """Clients that post, again and again until they are answered."""

    def __init__(self, ledger: Ledger, clients: int) -> None:
        self._ledger = ledger
        self._stop = threading.Event()
        self._answered = threading.Semaphore(0)
        self.acknowledged: Acknowledged = {}
        self._threads = [
            threading.Thread(target=self._post, args=(n, clients)) for n in range(clients)
        ]
        for thread in self._threads:
            thread.start()

    def _post(self, first: int, step: int) -> None:
        batch = first
        while not self._stop.is_set():
            try:
                receipts = self._ledger.record(ADMIN, posted(batch))
            except OutcomeUnknown:
                continue
            acknowledge(self.acknowledged, receipts)
            self._answered.release()
            batch += step

    def wait_for(self, answers: int) -> None:
        for _ in range(answers):
            assert self._answered.acquire(timeout=LIMIT_S)

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(LIMIT_S)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGQUIT], ids=["kill -9", "immediate"])
def test_killing_postgresql_loses_nothing_acknowledged(
    own_server: EmbeddedPostgres, postgres_bin: Path | None, how: signal.Signals
) -> None:
    url, folder = own_server.url, own_server.data_dir
    with Ledger.open(url) as ledger:
        posters = Posters(ledger, clients=4)
        try:
            posters.wait_for(100)
            os.kill(own_server.pid, how)
            own_server.stop()
            before = dict(posters.acknowledged)
            with EmbeddedPostgres.start(folder, postgres_bin=postgres_bin) as restarted:
                assert restarted.url == url
                assert lost(before, stored(ledger.book)) == set()
                posters.wait_for(50)
                posters.stop()
                entries = stored(ledger.book)
                assert lost(posters.acknowledged, entries) == set()
                assert len(posters.acknowledged) == len(entries)
                assert disorder(entries) == []
        finally:
            posters.stop()
