"""What pages show as it happens, with a session for a key; and what ends it."""

from __future__ import annotations

from typing import Any

import aiohttp
import orjson
import pytest

from api.sessions import COOKIE
from ledger.store.database import PROJECTOR, connect
from projections import schema
from tests.api.running import Service
from tests.pages.browser import Browser


@pytest.fixture(scope="module")
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.fixture
def operator(service: Service) -> Browser:
    browser = Browser(service)
    browser.sign_in(service.key("admin", label="the operator")[0])
    return browser


class Watching:
    """An event stream that a signed-in page holds open."""

    def __init__(self, browser: Browser, path: str) -> None:
        self.service = browser.service
        headers = {"Cookie": f"{COOKIE}={browser.cookies[COOKIE]}"}
        self.response: aiohttp.ClientResponse = self.service.client_loop.run(
            self._open(self.service.base + path, headers)
        )
        assert self.response.status == 200

    async def _open(self, url: str, headers: dict[str, str]) -> aiohttp.ClientResponse:
        return await self.service.session.get(url, headers=headers)

    async def _next(self) -> Any:
        async for line in self.response.content:
            if line.startswith(b"data: "):
                return orjson.loads(line[6:])
        return None

    def next(self) -> Any:
        """The next event; None: the stream ended."""
        return self.service.client_loop.run(self._next())

    def close(self) -> None:
        self.service.client_loop.loop.call_soon_threadsafe(self.response.close)


def csrf(browser: Browser) -> str:
    return browser.get("/de/sign-in")[2].split('name="csrf" value="')[1].split('"')[0]


def test_a_signed_in_page_hears_of_new_facts(service: Service, operator: Browser) -> None:
    watching = Watching(operator, "/v1/facts/live")
    data = {"cluster": "rail", "name": "Bahntechnik", "effective_on": "2020-01-01"}
    receipt = service.client("admin").post(("cluster.registered.v1", data))[0]
    assert watching.next()["position"] == receipt["position"]
    watching.close()


def test_the_operations_page_hears_of_a_rebuild(service: Service, operator: Browser) -> None:
    watching = Watching(operator, "/v1/operations/live")
    assert watching.next()["rebuilding"] is None
    with connect(service.url, PROJECTOR, autocommit=True) as conn:
        assert schema.try_session_lock(conn, "rebuild")
        found = watching.next()
        while found["rebuilding"] is None:  # the lag changed first
            found = watching.next()
        assert set(found["rebuilding"]) == {"done", "facts", "seconds", "seconds_left"}
        assert "läuft daneben: " in operator.text("/de/operations")
        assert "running beside: " in operator.text("/en/operations")
    watching.close()


def test_a_stream_ends_with_its_session(service: Service, operator: Browser) -> None:
    watching = Watching(operator, "/v1/operations/live")
    assert watching.next() is not None
    keys = orjson.loads(operator.get("/de/operations.json")[2])["keys"]
    mine = next(key for key in reversed(keys) if key["label"] == "the operator")
    answer = operator.post("/de/operations/revoke", {"csrf": csrf(operator), "id": mine["key_id"]})
    assert answer[0] == 303
    while watching.next() is not None:
        pass
    assert operator.get("/de/operations")[0] == 303, "and the page is closed to it"


def test_a_stream_of_operations_is_for_the_operator_alone(service: Service) -> None:
    assert service.client("trail:read").get("/v1/operations/live").status == 403
    assert service.public().get("/v1/operations/live").status == 401


def test_an_operator_revokes_a_key_on_the_page(service: Service, operator: Browser) -> None:
    _, key_id = service.key("trail:read", label="an app")
    fields = {"csrf": csrf(operator), "id": str(key_id)}
    assert operator.post("/de/operations/revoke", {**fields, "csrf": "guessed"})[0] == 403
    status, headers, _ = operator.post("/de/operations/revoke", fields)
    assert (status, headers["Location"]) == (303, "/de/operations")
    keys = orjson.loads(operator.get("/de/operations.json")[2])["keys"]
    assert next(key for key in keys if key["key_id"] == str(key_id))["revoked_at"]


def test_nobody_else_revokes_a_key(service: Service) -> None:
    _, key_id = service.key("trail:read")
    browser = Browser(service)
    browser.sign_in(service.key("trail:read", "figures:read", "reports:file")[0])
    fields = {"csrf": csrf(browser), "id": str(key_id)}
    assert browser.post("/de/operations/revoke", fields)[0] == 403


@pytest.mark.parametrize("path", ["revoke", "sign-out"])
def test_an_id_that_is_none_is_not_found(operator: Browser, path: str) -> None:
    fields = {"csrf": csrf(operator), "id": "x"}
    assert operator.post(f"/de/operations/{path}", fields)[0] == 404
