"""PostgreSQL has no room for another row: said as such, where one looks, and over once there is.

What it answers then is what it answers here, by a trigger: an error of class 53100, alive. A log
without room, which it does not survive, is in test_killed_service.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest

from api.metrics import PREFIX, collect
from api.state import STATE
from ledger.store.book import create
from ledger.store.database import connect
from projections import schema
from tests.api.hasty_service import LATE_S
from tests.api.posters import Acknowledged, Posters
from tests.api.running import BATCH, ORIGIN, Answer, Client, Service
from tests.api.served import hasty, key_of, lost, stored
from tests.awaiting import awaited

NO_ROOM = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'could not extend file "base/5/16411": No space left on device'
        USING ERRCODE = 'disk_full';
END $$;
CREATE TRIGGER no_room BEFORE INSERT ON ledger.facts
    FOR EACH STATEMENT EXECUTE FUNCTION no_room();
ALTER TABLE ledger.facts ENABLE ALWAYS TRIGGER no_room
"""


@contextmanager
def no_room(url: str) -> Iterator[None]:
    with connect(url, None, autocommit=True) as conn:
        conn.execute(NO_ROOM)
        yield
        conn.execute("DROP FUNCTION no_room CASCADE")


def posted(client: Client, events: list[dict[str, Any]]) -> Answer:
    return client.ask("POST", "/v1/facts", headers={"Content-Type": BATCH}, body=events)


def readiness(service: Service) -> tuple[str, str | None]:
    told = service.public().get("/readyz").json()
    return told["status"], told.get("writes_failing")


def failing(service: Service) -> str:
    text = service.service_loop.run(collect(service.app_runner.app[STATE])).decode()
    return next(line for line in text.splitlines() if line.startswith(f"{PREFIX}writes_failing"))


@pytest.mark.parametrize("facts", [1, 1_500], ids=["one", "many, which are copied"])
def test_a_full_disk_is_said_and_the_facts_are_taken_once_there_is_room(
    service: Service, facts: int
) -> None:
    admin = service.client("admin")
    cluster = {"name": "Bio", "effective_on": "2008-01-01"}
    events = [
        service.event("cluster.registered.v1", cluster | {"cluster": f"bio-{n}"})
        for n in range(facts)
    ]
    with no_room(service.url):
        refused = posted(admin, events)
        assert (refused.status, refused.code) == (503, "disk_full")
        assert refused.headers["Retry-After"] == "5"
        assert readiness(service) == ("degraded", "disk_full")
        assert failing(service).endswith(" 1.0")
        assert admin.get("/v1/facts").json()["items"] == []
    taken = posted(admin, events)
    positions = [item["position"] for item in taken.json()["items"]]
    assert (taken.status, positions) == (201, list(range(1, facts + 1)))
    assert readiness(service) == ("ready", None)
    assert failing(service).endswith(" 0.0")


def test_control_a_service_that_answers_before_it_commits_loses_to_a_full_disk(
    database_url: str,
) -> None:
    create(database_url, ORIGIN)
    schema.ensure(database_url)

    async def posted(base: str) -> Acknowledged:
        async with Posters(base, key_of(database_url), 4) as posters:
            await posters.answers(20)
            with no_room(database_url):
                await posters.answers(20)
                await posters.finish()
                await asyncio.sleep(2 * LATE_S)
            return posters.acknowledged

    with hasty(database_url) as (_, base):
        acknowledged = awaited(posted(base))
    assert lost(acknowledged, stored(database_url))


def test_a_reading_that_finds_no_room_to_sort_says_so(service: Service) -> None:
    admin = service.client("admin")

    def full(_: Any) -> None:
        raise psycopg.errors.DiskFull("could not write to file: No space left on device")

    state = service.app_runner.app[STATE]
    admin.get("/v1/clusters")
    problem = service.service_loop.start(state.read(full)).exception(10)
    assert getattr(problem, "code", None) == "disk_full"
