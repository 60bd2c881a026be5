"""Links that sign in once, and sessions that every worker of a service knows."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace

import orjson
import psycopg
import pytest

from api.settings import Settings
from api.users import create_link
from ledger.store.book import create
from ledger.store.database import WRITER, connect
from tests.api.running import ORIGIN, Loop, Service
from tests.pages.browser import Browser


@pytest.fixture(scope="module")
def service(shared_service: Service) -> Service:
    return shared_service


@pytest.fixture
def browser(service: Service) -> Browser:
    return Browser(service)


def link(service: Service) -> str:
    with connect(service.url, WRITER, autocommit=True) as conn:
        return create_link(conn)


def test_a_link_signs_an_operator_in(service: Service, browser: Browser) -> None:
    status, headers, _ = browser.post("/de/sign-in/link", {"token": link(service)})
    assert (status, headers["Location"]) == (303, "/de")
    page = browser.text("/de/operations")
    assert "sign-in link" in page, "the operator shows among the keys"


def test_opening_a_link_does_not_use_it_up(service: Service, browser: Browser) -> None:
    secret = link(service)
    for _ in range(2):
        status, headers, page = browser.get(f"/en/sign-in/link?token={secret}")
        assert status == 200
        assert "Set-Cookie" not in headers
        assert f'value="{secret}"' in page
    assert browser.post("/en/sign-in/link", {"token": secret})[0] == 303


def test_a_link_signs_in_once(service: Service, browser: Browser) -> None:
    secret = link(service)
    assert browser.post("/de/sign-in/link", {"token": secret})[0] == 303, "the control"
    status, headers, page = Browser(service).post("/de/sign-in/link", {"token": secret})
    assert status == 422
    assert "Set-Cookie" not in headers
    assert "verbraucht oder abgelaufen" in page


@pytest.mark.parametrize("secret", ["", "cls_guessed", "\x00", "x" * 5_000])
def test_a_guessed_link_signs_nobody_in(browser: Browser, secret: str) -> None:
    assert browser.post("/de/sign-in/link", {"token": secret})[0] == 422


def test_a_link_is_over_after_ten_minutes(service: Service, browser: Browser) -> None:
    secret = link(service)
    with psycopg.connect(service.url, autocommit=True) as conn:
        left = conn.execute("SELECT max(expires_at) - now() FROM ledger.sign_in_link").fetchone()
        conn.execute("UPDATE ledger.sign_in_link SET expires_at = now()")
    assert left is not None
    assert 590 < left[0].total_seconds() <= 600
    assert browser.post("/de/sign-in/link", {"token": secret})[0] == 422


def test_a_link_is_not_kept_as_it_is(service: Service) -> None:
    secret = link(service)
    with psycopg.connect(service.url) as conn:
        kept = conn.execute("SELECT string_agg(l::text, '') FROM ledger.sign_in_link l").fetchone()
    assert kept is not None
    assert secret not in kept[0]


def test_a_link_from_another_site_signs_nobody_in(service: Service, browser: Browser) -> None:
    fields = {"token": link(service)}
    assert browser.post("/de/sign-in/link", fields, Origin="https://evil.example")[0] == 403
    assert browser.post("/de/sign-in/link", fields)[0] == 303, "the control: it was not used up"


def clusterledger(*arguments: str) -> subprocess.Popen[str]:
    """The command, its answers to be read."""
    command = [sys.executable, "-m", "api.cli.main", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))


@pytest.fixture
def served(database_url: str) -> Iterator[SimpleNamespace]:
    """`clusterledger serve` with two workers, and what it printed."""
    create(database_url, ORIGIN)
    serving = clusterledger("serve", "--workers=2", "--port=0", f"--database-url={database_url}")
    assert serving.stdout is not None
    loop = Loop()
    try:
        said = [serving.stdout.readline(), serving.stdout.readline()]
        base = re.findall(r"http://127\.0\.0\.1:\d+", said[0])[0]
        yield SimpleNamespace(base=base, url=database_url, client_loop=loop, said=said)
    finally:
        serving.terminate()
        serving.wait(30)
        serving.stdout.close()
        loop.close()


def test_every_worker_knows_a_session(served: SimpleNamespace) -> None:
    found = re.search(r"/de/sign-in/link\?token=(\S+)", served.said[1])
    assert found is not None
    browser = Browser(served)  # type: ignore[arg-type]  # it has what a browser needs
    assert browser.post("/de/sign-in/link", {"token": found[1]})[0] == 303
    assert {browser.get("/de/operations")[0] for _ in range(30)} == {200}


def test_a_command_makes_a_link(database_url: str) -> None:
    create(database_url, ORIGIN)
    with clusterledger("keys", "sign-in-link", "--json", f"--database-url={database_url}") as done:
        answer = orjson.loads(done.communicate()[0])
    assert re.fullmatch(
        r"http://127\.0\.0\.1:8080/de/sign-in/link\?token=cls_[\w-]{43}", answer["link"]
    )


@pytest.mark.parametrize(
    ("given", "is_local"),
    [
        ({}, True),
        ({"host": "::1"}, True),
        ({"host": "localhost"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"public_url": "https://ledger.example"}, False),
    ],
)
def test_a_link_is_printed_on_a_developers_machine_alone(
    given: dict[str, str], is_local: bool
) -> None:
    assert Settings(**given).is_local is is_local  # type: ignore[arg-type]  # texts, all of them
