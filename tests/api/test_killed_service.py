"""kill -9 of the service under load, over HTTP: what was acknowledged is kept, and found again.

The control is a service that acknowledges before it commits: killed, it loses, and is caught.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psycopg
import pytest

from ledger.store.book import create
from projections import schema
from tests.api.posters import BATCH_FACTS, Acknowledged, Posters
from tests.api.running import ORIGIN
from tests.api.served import Serving, half, hasty, key_of, lost, stored
from tests.awaiting import awaited

CLIENTS = 16


@pytest.fixture(scope="module")
def serving(
    tmp_path_factory: pytest.TempPathFactory, postgres_bin: Path | None
) -> Iterator[Serving]:
    running = Serving(tmp_path_factory.mktemp("served"), postgres_bin)
    try:
        yield running
    finally:
        running.stop()


def test_killing_workers_and_the_supervisor_loses_nothing_acknowledged(serving: Serving) -> None:
    async def posted() -> tuple[Posters, Acknowledged]:
        async with Posters(serving.base, key_of(serving.url), CLIENTS) as posters:
            await posters.answers(100)
            for child in serving.children():
                os.kill(child, signal.SIGKILL)
            await posters.answers(100)
            serving.kill()
            serving.start()
            await posters.answers(50)
            await posters.finish()
            return posters, await posters.again()

    posters, again = awaited(posted())
    entries = stored(serving.url)
    assert posters.retries, "nothing was killed under load"
    assert lost(posters.acknowledged, entries) == set()
    assert half(entries) == []
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    assert {id: again[id] for id in posters.acknowledged} == posters.acknowledged
    assert len(entries) == len(again) == posters.batches * BATCH_FACTS


def test_a_postgresql_that_does_not_start_again_ends_nothing(serving: Serving) -> None:
    assert serving.becomes(200)
    control = serving.folder / "postgres" / "global" / "pg_control"
    hidden = control.with_name("hidden")
    control.rename(hidden)
    (postgres,) = serving.children(b"postgres")
    os.kill(postgres, signal.SIGKILL)
    assert serving.becomes(503)
    time.sleep(2)  # it is tried again, in vain
    assert serving.process.poll() is None
    assert serving.ready() == 503
    hidden.rename(control)
    assert serving.becomes(200)


def fill_the_log_of(url: str, folder: Path) -> list[Path]:
    """Where PostgreSQL's log goes on, the kernel says that the disk is full: the links that say so.

    /dev/full answers every write with ENOSPC, which needs neither a small disk nor root.
    """
    with psycopg.connect(url, autocommit=True) as conn:
        (name,) = conn.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())").fetchone()
        links = [folder / "postgres" / "pg_wal" / f"{int(name, 16) + n:024X}" for n in range(1, 9)]
        for link in links:
            link.unlink(missing_ok=True)  # one made ahead: nothing is in it yet
            link.symlink_to("/dev/full")
        with suppress(psycopg.OperationalError):  # it may not live to answer
            conn.execute("SELECT pg_switch_wal()")
    return links


def test_a_full_disk_loses_nothing_acknowledged(serving: Serving) -> None:
    assert serving.becomes(200)
    before = stored(serving.url)

    async def posted() -> tuple[Posters, Acknowledged]:
        first = len(before)  # batches of its own
        async with Posters(serving.base, key_of(serving.url), CLIENTS, first) as posters:
            await posters.answers(100)
            links = fill_the_log_of(serving.running.owner_url, serving.folder)
            assert await asyncio.to_thread(serving.becomes, 503)
            await posters.refused(2 * CLIENTS)  # nobody is kept waiting for room
            assert serving.ready() == 503
            for link in links:
                link.unlink()
            await posters.answers(50)
            await posters.finish()
            return posters, await posters.again()

    posters, again = awaited(posted())
    entries = stored(serving.url)[len(before) :]
    assert posters.refusals.keys() <= {"outcome_unknown", "unavailable", "busy"}
    assert posters.hung == 0
    assert lost(posters.acknowledged, entries) == set()
    assert half(entries) == []
    assert {id: again[id] for id in posters.acknowledged} == posters.acknowledged
    assert len(entries) == len(again)
    assert serving.becomes(200)


@pytest.mark.parametrize("killed", [True, False])
def test_control_a_service_that_answers_before_it_commits_is_caught(
    database_url: str, killed: bool
) -> None:
    create(database_url, ORIGIN)
    schema.ensure(database_url)

    async def posted(process: subprocess.Popen[str], base: str) -> Acknowledged:
        async with Posters(base, key_of(database_url), CLIENTS) as posters:
            await posters.answers(100)
            if killed:
                process.kill()
            else:
                await posters.finish()
                await asyncio.sleep(2)
            return posters.acknowledged

    with hasty(database_url) as (process, base):
        acknowledged = awaited(posted(process, base))
    assert bool(lost(acknowledged, stored(database_url))) is killed
