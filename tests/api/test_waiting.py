"""Read your writes: waiting for a position, running out of time, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from api.state import Progress
from tests.api.running import Client, Service
from tests.awaiting import awaited

CLUSTER = {"cluster": "bio", "name": "Bio", "effective_on": "2008-01-01"}


@pytest.fixture
def unfollowed(database_url: str) -> Iterator[Service]:
    """A service whose read models stand still."""
    with Service(database_url, runner=False) as service:
        yield service


@pytest.fixture
def behind(unfollowed: Service) -> Client:
    """A fact is recorded, and not in the read models."""
    client = unfollowed.client("admin")
    client.post(("cluster.registered.v1", CLUSTER))
    return client


def test_read_models_that_are_behind_are_said_so_at_once(behind: Client) -> None:
    answer = behind.get("/v1/clusters", {"min_position": 1})
    assert (answer.status, answer.code) == (503, "read_models_behind")
    assert answer.headers["Retry-After"] == "1"


def test_a_reader_waits_as_long_as_it_prefers(behind: Client) -> None:
    began = time.monotonic()
    answer = behind.get("/v1/clusters", {"min_position": 1}, headers={"Prefer": "wait=1"})
    assert (answer.status, answer.code) == (503, "read_models_behind")
    assert 1 <= time.monotonic() - began < 5


def test_a_position_beyond_the_head_is_not_waited_for(behind: Client) -> None:
    began = time.monotonic()
    answer = behind.get("/v1/clusters", {"min_position": 2}, headers={"Prefer": "wait=9"})
    assert (answer.status, answer.code) == (400, "invalid_parameter")
    assert answer.json()["errors"][0]["fix"] == "At most 1."
    assert time.monotonic() - began < 5


def test_who_waited_in_vain_is_forgotten() -> None:
    async def waited() -> tuple[bool, int]:
        progress = Progress()
        return await progress.reach(1, 0.01), progress.waiting

    assert awaited(waited()) == (False, 0)


def test_who_went_away_is_forgotten() -> None:
    async def waited() -> tuple[int, int]:
        progress = Progress()
        task = asyncio.ensure_future(progress.reach(1, 9))
        await asyncio.sleep(0)
        before = progress.waiting
        task.cancel()
        await asyncio.wait({task})
        return before, progress.waiting

    assert awaited(waited()) == (1, 0)


def test_who_waits_is_told() -> None:
    async def waited() -> tuple[list[bool], int]:
        progress = Progress()
        tasks = [asyncio.ensure_future(progress.reach(n, 9)) for n in (1, 2)]
        await asyncio.sleep(0)
        progress.advance(2)
        return list(await asyncio.gather(*tasks)), progress.waiting

    assert awaited(waited()) == ([True, True], 0)
