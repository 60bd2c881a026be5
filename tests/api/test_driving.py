"""The writer driven by the event loop: who posts never notices which way a fact went."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from threading import Event
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from api import driving
from api.driving import Driver
from api.state import deliver
from ledger.domain.commands import Command, Incoming, Refused
from ledger.service import Ledger
from ledger.store import clerk
from ledger.store.book import create
from ledger.store.database import connect
from ledger.store.outcomes import OutcomeUnknown, WriterClosed
from ledger.store.tickets import Ticket
from ledger.store.writer import Writer
from tests.awaiting import awaited
from tests.domain.kit import ADMIN, fact

DAY = "2020-01-01"
LIMIT_S = 30

Post = Callable[..., Awaitable[Ticket]]


def named() -> Incoming:
    """A new cluster."""
    return fact("cluster.registered", cluster=f"c-{uuid4().hex[:12]}", name="R", effective_on=DAY)


def many() -> list[Incoming]:
    """More new clusters than are recorded without a thread."""
    return [named() for _ in range(driving.INLINE_FACTS_MAX + 1)]


@asynccontextmanager
async def driven(url: str) -> AsyncIterator[tuple[Ledger, Post]]:
    """A ledger that this event loop drives, and how to post to it."""
    async with driven_by(url) as (ledger, _, post):
        yield ledger, post


@asynccontextmanager
async def driven_by(url: str) -> AsyncIterator[tuple[Ledger, Driver, Post]]:
    """The same, and who drives it."""
    ledger = await asyncio.to_thread(Ledger.open, url, driven=True)
    driver = Driver(ledger.writer, wrote=lambda _: None, failed=pytest.fail)

    async def post(*facts: Incoming) -> Ticket:
        future: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        ledger.submit(Command(ADMIN, facts), deliver, future)
        return await asyncio.wait_for(future, LIMIT_S)

    try:
        yield ledger, driver, post
    finally:
        await driver.close()
        await asyncio.to_thread(ledger.close)


@pytest.fixture
def book_url(database_url: str) -> str:
    """The owner's URL of a database that holds an empty ledger."""
    create(database_url, "driving.example/2026")
    return database_url


def until_locked_out(conn: psycopg.Connection) -> None:
    """Until somebody waits for a lock of this connection."""
    waiting = "SELECT FROM pg_locks WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    until = time.monotonic() + LIMIT_S
    while not conn.execute(waiting).rowcount and time.monotonic() < until:
        time.sleep(0.01)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many commands each batch had that went to a thread."""
    found: list[int] = []
    record_batch = Writer.record_batch

    def record(self: Writer, batch: list[Ticket]) -> None:
        found.append(len(batch))
        record_batch(self, batch)

    monkeypatch.setattr(Writer, "record_batch", record)
    return found


def test_a_small_batch_is_recorded_without_a_thread(book_url: str, waited: list[int]) -> None:
    async def main() -> None:
        async with driven(book_url) as (_, post):
            await post(named())  # the first must connect
            waited.clear()
            tickets = await asyncio.gather(*(post(named()) for _ in range(20)))
            assert [t.result()[0].position for t in tickets] == list(range(2, 22))
            assert waited == []

    awaited(main())


class Timer:
    """A loop's, which runs down when it is told."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], object]] = []

    def call_later(self, _: float, end: Callable[[], object]) -> Timer:
        self.waiting.append(end)
        return self

    def cancel(self) -> None:
        self.waiting.clear()


@pytest.fixture
def usual() -> Iterator[tuple[int, int, int]]:
    """The collector as it is in no other test."""
    before = gc.get_threshold()
    gc.set_threshold(5_000, 20, 50)
    yield gc.get_threshold()
    gc.set_threshold(*before)


def test_the_collector_is_patient_until_large_batches_come_no_more(
    usual: tuple[int, int, int],
) -> None:
    timer = Timer()
    patience = driving.Patience(timer)  # type: ignore[arg-type]
    for _ in range(2):
        patience.have()
        assert gc.get_threshold() == (driving.PATIENT_YOUNG, *usual[1:])
    (end,) = timer.waiting
    end()
    assert gc.get_threshold() == usual
    patience.have()
    patience.lose()
    assert (gc.get_threshold(), timer.waiting) == (usual, [])


def test_large_batches_make_the_collector_patient_while_the_driver_lives(
    book_url: str, usual: tuple[int, int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(driving, "PATIENT_S", 600.0)

    async def main() -> None:
        async with driven(book_url) as (_, post):
            await post(named())
            assert gc.get_threshold() == usual
            await post(*many())
            assert gc.get_threshold() == (driving.PATIENT_YOUNG, *usual[1:])
        assert gc.get_threshold() == usual

    awaited(main())


def test_a_large_command_goes_to_a_thread(book_url: str, waited: list[int]) -> None:
    async def main() -> None:
        async with driven(book_url) as (_, post):
            await post(named())
            waited.clear()
            facts = many()
            assert len((await post(*facts)).result()) == len(facts)
            assert waited == [1]

    awaited(main())


def test_what_must_ask_for_more_goes_to_a_thread_and_leaves_no_trace_before(
    book_url: str, waited: list[int]
) -> None:
    """Voiding looks at a stream that nobody could ask for beforehand."""

    async def main() -> None:
        cluster = named()
        async with driven(book_url) as (ledger, post):
            await post(cluster)
            code = cluster.fact.cluster  # type: ignore[attr-defined]  # a cluster's fact
            await post(fact("cluster.renamed", cluster=code, name="B", effective_on=DAY))
        async with driven(book_url) as (ledger, post):
            await post(named())
            waited.clear()
            together = (named(), fact("fact.voided", target=cluster.id, reason="error"))
            refused, other = await asyncio.gather(post(*together), post(named()))
            assert waited == [2]
            assert isinstance(refused.error, Refused)
            assert refused.error.refusal.code == "void_conflict"
            assert other.result()[0].position == 4
            assert (await post(together[0])).result()[0].position == 5
            assert ledger.book.head().position == 5

    awaited(main())


def test_two_loops_see_what_the_other_wrote_without_a_thread(
    book_url: str, waited: list[int]
) -> None:
    async def main() -> None:
        async with driven(book_url) as (_, here), driven(book_url) as (_, there):
            await here(named())
            await there(named())
            waited.clear()
            cluster = named()
            code = cluster.fact.cluster  # type: ignore[attr-defined]  # a cluster's fact
            for number in range(6):
                post = here if number % 2 else there
                assert (await post(named())).result()[0].position == number + 3
            await here(cluster)
            closed = await there(fact("cluster.closed", cluster=code, effective_on=DAY))
            assert closed.result()[0].version == 2
            assert waited == []

    awaited(main())


def test_a_lost_connection_is_tried_again(book_url: str) -> None:
    async def main() -> None:
        async with driven(book_url) as (_, post):
            await post(named())
            with connect(book_url, None, autocommit=True) as conn:
                conn.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
            assert (await post(named())).result()[0].position == 2

    awaited(main())


def test_an_answered_fact_leaves_nothing_to_the_collector(book_url: str) -> None:
    async def main() -> None:
        async with driven(book_url) as (ledger, post):
            await post(named())
            gc.disable()
            try:
                future: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
                ledger.submit(Command(ADMIN, (named(),)), deliver, future)
                await future
                gone = weakref.ref(future)
                del future
                await post(named())  # what the driver held of the batch before is let go
                assert gone() is None
            finally:
                gc.enable()

    awaited(main())


def test_no_batch_is_read_while_a_thread_decides_on_another(
    book_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    deciding, go_on = Event(), Event()
    take = clerk.take

    def thoughtful(*arguments: Any) -> Any:
        deciding.set()
        assert go_on.wait(LIMIT_S)
        return take(*arguments)

    async def main() -> None:
        async with driven_by(book_url) as (_, driver, post):
            await post(named())
            monkeypatch.setattr(clerk, "take", thoughtful)
            posted = asyncio.create_task(post(*many()))
            await asyncio.to_thread(deciding.wait, LIMIT_S)
            readers = [asyncio.create_task(driver.turn()) for _ in range(3)]
            read, _ = await asyncio.wait(readers, timeout=0.2)
            go_on.set()
            await asyncio.wait_for(asyncio.gather(*readers), LIMIT_S)
            assert (await posted).error is None
            assert not read

    awaited(main())


def test_batches_are_read_while_a_thread_waits_for_postgresql(book_url: str) -> None:
    async def main() -> None:
        async with driven_by(book_url) as (_, driver, post):
            await post(named())
            with connect(book_url, None) as other:
                other.execute("SELECT FROM ledger.head FOR UPDATE")
                posted = asyncio.create_task(post(*many()))
                await asyncio.to_thread(until_locked_out, other)
                await asyncio.wait_for(driver.turn(), LIMIT_S)
                assert not posted.done()
            assert (await posted).error is None

    awaited(main())


def test_while_a_thread_looks_up_what_it_decides_on_nothing_is_read(
    book_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    decided, let_in = Event(), list[bool]()
    take = clerk.take

    def seen(*arguments: Any) -> Any:
        decided.set()
        return take(*arguments)

    def meanwhile() -> bool:
        let_in.append(decided.is_set())
        other.rollback()
        return False

    monkeypatch.setattr(clerk, "take", seen)
    with Ledger.open(book_url, driven=True) as ledger, connect(book_url, None) as other:
        other.execute("LOCK TABLE ledger.tree_head IN SHARE MODE")  # it is written last
        ledger.writer.brief_ms, ledger.writer.meanwhile = LIMIT_S * 1000, meanwhile
        ledger.submit(Command(ADMIN, tuple(many())), lambda _: None)
        ledger.writer.record_batch(ledger.writer.next_batch())
    assert let_in
    assert all(let_in)


def test_nobody_waits_for_a_driver_that_failed(
    book_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def defect(_: Writer, __: object) -> None:
        raise ZeroDivisionError

    async def main() -> None:
        ledger = await asyncio.to_thread(Ledger.open, book_url, driven=True)
        failed: list[bool] = []
        driver = Driver(ledger.writer, lambda _: None, lambda: failed.append(True))
        monkeypatch.setattr(Writer, "record_batch", defect)
        waiting: asyncio.Future[Ticket] = asyncio.get_running_loop().create_future()
        ledger.submit(Command(ADMIN, (named(),)), deliver, waiting)
        ticket = await asyncio.wait_for(waiting, LIMIT_S)
        with pytest.raises(OutcomeUnknown):
            ticket.result()
        with pytest.raises(WriterClosed):
            ledger.submit(Command(ADMIN, (named(),)), deliver, waiting)
        assert failed == [True]
        await driver.close()
        await asyncio.to_thread(ledger.close)

    awaited(main())
