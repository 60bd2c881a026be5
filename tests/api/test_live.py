"""Facts as they come: nothing missed, nothing twice, and every stream ends."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import aiohttp
import orjson
import pytest

from projections.runner import Projector
from tests.api.running import WAIT_S, Client, Service


class Listener:
    """One live stream, read event by event."""

    def __init__(
        self, client: Client, params: dict[str, Any] | None = None, last_id: str | None = None
    ) -> None:
        self.service = client.service
        headers = {"Authorization": f"Bearer {client.key}"}
        if last_id is not None:
            headers["Last-Event-ID"] = last_id
        self.response = self.service.client_loop.run(self._open(params or {}, headers))

    async def _open(
        self, params: dict[str, Any], headers: dict[str, str]
    ) -> aiohttp.ClientResponse:
        given = {name: str(value) for name, value in params.items()}
        base = self.service.base
        return await self.service.session.get(
            f"{base}/v1/facts/live", params=given, headers=headers
        )

    async def _block(self) -> dict[str, str]:
        """The fields of the next block; a comment's name is empty. No fields: the stream ended."""
        fields: dict[str, str] = {}
        async for line in self.response.content:
            text = line.decode().rstrip("\n")
            if not text:
                return fields
            name, _, value = text.partition(": ")
            fields[name] = value
        return fields

    async def _facts(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count:
            block = await self._block()
            assert block, "the stream ended"
            if "data" in block:
                fact = orjson.loads(block["data"])
                assert block["id"] == str(fact["position"])
                found.append(fact)
        return found

    def facts(self, count: int) -> list[dict[str, Any]]:
        """The next facts."""
        return self.service.client_loop.run(self._facts(count))

    def positions(self, count: int) -> list[int]:
        return [fact["position"] for fact in self.facts(count)]

    def comment(self) -> str:
        """The id that the next heartbeat carries."""

        async def read() -> str:
            while True:
                block = await self._block()
                assert block, "the stream ended"
                if block.get("") is not None or ":" in block:
                    return block["id"]

        return self.service.client_loop.run(read())

    def ends(self) -> bool:
        """Whether the stream ends, after whatever was still in it."""

        async def read() -> bool:
            while await self._block():
                pass
            return self.response.content.at_eof()

        return self.service.client_loop.run(asyncio.wait_for(read(), WAIT_S))

    def close(self) -> None:
        async def close() -> None:
            self.response.close()

        self.service.client_loop.run(close())


def registered(number: int) -> tuple[str, dict[str, Any]]:
    code = f"cluster-{number}"
    return "cluster.registered.v1", {"cluster": code, "name": code, "effective_on": "2010-01-01"}


def test_a_fact_is_heard_as_it_comes(service: Service, admin: Client) -> None:
    listener = Listener(admin)
    assert listener.response.headers["Content-Type"] == "text/event-stream"

    receipt = admin.post(registered(1))[0]

    fact = listener.facts(1)[0]
    assert fact["position"] == receipt["position"]
    assert fact["data"]["cluster"] == "cluster-1"


def test_a_stream_resumes_after_the_last_event_it_gave(service: Service, admin: Client) -> None:
    admin.post(*map(registered, range(5)))
    assert Listener(admin, last_id="3").positions(2) == [4, 5]


def test_a_stream_may_begin_behind_any_position(service: Service, admin: Client) -> None:
    admin.post(*map(registered, range(3)))
    assert Listener(admin, {"after": 0}).positions(3) == [1, 2, 3]


def test_what_was_there_and_what_comes_are_one_sequence(service: Service, admin: Client) -> None:
    admin.post(*map(registered, range(3)))
    listener = Listener(admin, {"after": 0})
    for number in range(3, 8):
        admin.post(registered(number))
    assert listener.positions(8) == list(range(1, 9))


def test_more_than_a_page_comes_in_order(
    service: Service, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.live.PAGE_FACTS", 2)
    admin.post(*map(registered, range(7)))
    assert Listener(admin, {"after": 0}).positions(7) == list(range(1, 8))


def test_a_stream_gives_only_what_matches(service: Service, admin: Client) -> None:
    listener = Listener(admin, {"after": 0, "cluster": "cluster-2"})
    admin.post(*map(registered, range(4)))
    assert listener.positions(1) == [3]


def test_a_key_hears_its_clusters_and_what_all_share(service: Service, admin: Client) -> None:
    admin.post(*map(registered, range(2)))
    admin.post(*map(scheduled, range(2)))
    listener = Listener(service.client("trail:read", clusters=["cluster-1"]), {"after": 0})
    assert listener.positions(3) == [1, 2, 4]


def scheduled(number: int) -> tuple[str, dict[str, Any]]:
    return "activity.scheduled.v1", {
        "activity_id": str(UUID(int=number)),
        "title": "Tag der Technik",
        "kind": "fair",
        "mode": "onsite",
        "organisers": [f"cluster-{number}"],
        "starts_on": "2024-05-01",
        "ends_on": "2024-05-01",
    }


def test_a_silent_stream_keeps_beating_with_its_position(
    service: Service, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.live.HEARTBEAT_S", 0.05)
    admin.post(registered(1))
    admin.read("/v1/facts")
    assert Listener(admin, {"type": "project."}).comment() == "1"


def test_a_fact_is_heard_only_once_the_read_models_have_it(database_url: str) -> None:
    with Service(database_url, runner=False) as service:
        admin = service.client("admin")
        listener = Listener(admin, {"after": 0, "cluster": "cluster-0"})
        admin.post(registered(0))
        with Projector(database_url) as projector:
            assert projector.position() == 0
            projector.advance()
        assert listener.positions(1) == [1]


@pytest.mark.parametrize("last_id", ["x", "-1", "1.5", "9" * 30])
def test_an_event_id_that_is_no_position_is_refused(
    service: Service, admin: Client, last_id: str
) -> None:
    answer = admin.get("/v1/facts/live", headers={"Last-Event-ID": last_id})
    assert (answer.status, answer.code) == (400, "invalid_header")


def test_a_stream_cannot_begin_beyond_the_head(service: Service, admin: Client) -> None:
    answer = admin.get("/v1/facts/live", {"after": 99})
    assert (answer.status, answer.code) == (400, "invalid_parameter")


def test_streams_end_when_the_service_stops(service: Service, admin: Client) -> None:
    admin.post(registered(1))
    listener = Listener(admin, {"after": 0})
    listener.facts(1)
    service.stop_serving()
    assert listener.ends()


def test_a_stream_ends_when_its_client_is_gone(
    service: Service, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.routes.live.HEARTBEAT_S", 0.02)
    from api.streams import STREAMS

    streams = service.app_runner.app[STREAMS]
    listener = Listener(admin)
    (ended,) = streams.open
    listener.close()

    service.service_loop.run(asyncio.wait_for(ended, WAIT_S))
    assert not streams.open


def test_a_stream_ends_when_its_key_is_revoked(
    service: Service, admin: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from api import auth
    from ledger.store.database import WRITER, connect

    monkeypatch.setattr("api.routes.live.HEARTBEAT_S", 0.02)
    monkeypatch.setattr("api.auth.FRESH_S", 0.0)
    secret, key_id = service.key("trail:read")
    listener = Listener(Client(service, secret))

    with connect(service.url, WRITER, autocommit=True) as conn:
        auth.revoke_key(conn, key_id)

    assert listener.ends()
