"""A fact's page: the reader's browser checks that the fact is in the signed log."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from api.settings import Settings
from ledger.store.database import READER, connect
from ledger.transparency.signer import Signer
from tests.api.running import ORIGIN, Service
from tests.transparency.small_log import key
from tests.web.chromium import NOT_SECURE, Visit
from tests.web.walks import tab_to

SIGNED = 20
POSITION = 7


@pytest.fixture
def signed(database_url: str, tmp_path: Path) -> Iterator[Service]:
    """A service whose first facts are in a checkpoint; one more is not."""
    log = tmp_path / "log"
    settings = Settings(rate_limit=0, public_rate_limit=0, log_dir=str(log))
    with Service(database_url, settings) as service:
        admin = service.client("admin")
        admin.post(*(registered(number) for number in range(SIGNED)))
        with Signer(log, ORIGIN) as signer, connect(service.url, READER, autocommit=True) as conn:
            signer.advance(conn)
        admin.post(registered(SIGNED))
        admin.read("/v1/clusters")
        yield service


@pytest.fixture
def visited(
    chromium: Browser, signed: Service, request: pytest.FixtureRequest
) -> Callable[..., Visit]:
    """Opens a fact's page signed in, on a host of choice."""

    def open_fact(position: int = POSITION, host: str = "127.0.0.1", **more: Any) -> Visit:
        visit = Visit(chromium, **more)
        request.addfinalizer(visit.context.close)
        base = f"http://{host}:{urlsplit(signed.base).port}"
        visit.page.goto(base + "/en/sign-in")
        visit.page.fill("#key", signed.key("trail:read")[0])
        visit.page.click("main button[type=submit]")
        visit.page.wait_for_url("**/en")
        visit.page.goto(f"{base}/en/trail/{position}")
        return visit

    return open_fact


def registered(number: int) -> tuple[str, dict[str, object]]:
    data = {"cluster": f"c-{number}", "name": "Rail", "effective_on": "2020-01-01"}
    return "cluster.registered.v1", data


def states(page: Page) -> dict[str, str]:
    script = (
        "Object.fromEntries([...document.querySelectorAll('[data-step]')]"
        ".map(step => [step.dataset.step, step.dataset.state]))"
    )
    found: dict[str, str] = page.evaluate(script)
    return found


def checked(page: Page, verdict: str) -> None:
    expect(page.locator("#proof-key")).not_to_have_value("")
    page.get_by_role("button", name="Check in this browser").click()
    expect(page.locator("[data-verdict]")).to_contain_text(verdict)


def test_a_fact_is_proven_step_by_step(visited: Callable[..., Visit]) -> None:
    visit = visited()
    checked(visit.page, f"Holds: The fact is in the log: position {POSITION} of {SIGNED}.")

    assert set(states(visit.page).values()) == {"right"}
    steps = visit.page.locator("[data-steps]").inner_text()
    assert f"Facts in it: {SIGNED}" in steps
    assert re.search(r"Hashes beside the way: [45]\b", steps)
    assert f"{ORIGIN}+" in steps
    leaf = visit.page.locator("[data-found=leaf]").inner_text()
    assert leaf in visit.page.locator("section:has(#receipt)").inner_text()
    assert visit.violations() == []
    assert visit.complaints == []


def test_it_is_proven_by_keyboard_alone(visited: Callable[..., Visit]) -> None:
    page = visited().page
    expect(page.locator("#proof-key")).not_to_have_value("")
    tab_to(page, page.get_by_role("button", name="Check in this browser"))
    page.keyboard.press("Enter")
    expect(page.locator("[data-verdict]")).to_contain_text(f"position {POSITION} of {SIGNED}")


def test_it_is_proven_without_a_secure_context_too(visited: Callable[..., Visit]) -> None:
    page = visited(host=NOT_SECURE).page
    assert page.evaluate("isSecureContext") is False
    checked(page, f"position {POSITION} of {SIGNED}")


def changing(page: Page, pattern: str, change: Callable[[bytes], bytes]) -> None:
    """What the browser gets of these addresses is changed on the way."""

    def on_the_way(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=change(answer.body()))

    page.route(re.compile(pattern), on_the_way)


def test_a_changed_byte_of_the_fact_is_told(visited: Callable[..., Visit]) -> None:
    page = visited().page
    changing(page, rf"/v1/facts/{POSITION}$", lambda body: body.replace(b"Rail", b"Mail", 1))
    checked(page, "Does not hold: The fact's bytes do not lead to the signed root")
    assert states(page) == {"key": "right", "checkpoint": "right", "leaf": "right", "path": "wrong"}


def test_a_changed_size_of_the_checkpoint_is_told(visited: Callable[..., Visit]) -> None:
    page = visited().page
    changing(page, r"\.tlog-proof$", lambda body: body.replace(b"\n20\n", b"\n21\n", 1))
    checked(page, "Does not hold: The signature does not fit the checkpoint")
    assert states(page) == {"key": "right", "checkpoint": "wrong", "leaf": "open", "path": "open"}


def test_the_auditors_own_key_decides(visited: Callable[..., Visit]) -> None:
    page = visited().page
    expect(page.locator("#proof-key")).not_to_have_value("")
    page.fill("#proof-key", str(key(7).verifier))
    checked(page, "The checkpoint is not signed with this key.")


def test_a_proof_that_is_not_handed_out_is_told(visited: Callable[..., Visit]) -> None:
    page = visited().page
    page.route(re.compile(r"\.tlog-proof$"), lambda route: route.fulfill(status=503))
    checked(page, "The server does not hand out what is to be checked.")


def test_a_fact_beyond_the_checkpoint_says_so(visited: Callable[..., Visit]) -> None:
    page = visited(SIGNED + 1).page
    assert "No checkpoint covers this fact yet" in page.inner_text("section:has(#proof)")
    assert page.locator("#proof-key").count() == 0


def test_without_a_script_the_files_are_linked(visited: Callable[..., Visit]) -> None:
    page = visited(java_script_enabled=False).page
    assert page.get_by_role("button", name="Check in this browser").count() == 0
    link = page.get_by_role("link", name="Proof (.tlog-proof)").get_attribute("href")
    assert link == f"/v1/proofs/{POSITION}.tlog-proof"
