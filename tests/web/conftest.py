"""Pages in a real browser, on a running service with a small programme in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from playwright.sync_api import Browser, Page

from tests.api.conftest import programme, service, shared_service
from tests.api.programme import Programme, organisation
from tests.api.running import SOURCE
from tests.web.chromium import Scheme, Visit, running
from tests.web.walks import Enter, key_of

__all__ = ["programme", "service", "shared_service"]

CONSORTIUM = str(UUID(int=99))
PARTNERS = 15


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with running() as browser:
        yield browser


@pytest.fixture(scope="module")
def filed(programme: Programme) -> int:
    """The position of a filed report, in a programme that has a project of many partners too."""
    names = [f"Gesellschaft {number} für {'Werkstoffe ' * 6}mbH" for number in range(PARTNERS)]
    partners = [str(UUID(int=100 + number)) for number in range(PARTNERS)]
    times = {"effective_on": "2018-01-01"}
    of_project = {"project_id": CONSORTIUM, **times}
    programme.admin.post(
        *(organisation(id, name) for id, name in zip(partners, names, strict=True)),
        ("project.proposed.v1", {**of_project, "title": "Viele", "clusters": ["bio"]}),
        ("project.approved.v1", {**of_project, "volume_cents": 5, "grant_cents": 2}),
        ("project.started.v1", of_project),
        *(
            (
                "enrolment.started.v1",
                {**of_project, "organisation_id": id, "role": "partner" if at else "lead"},
            )
            for at, id in enumerate(partners)
        ),
    )
    service = programme.service
    client = service.client("reports:file", "figures:read", "trail:read")
    period = {"from": "2019-01-01", "to": "2019-12-31"}
    body = {"id": "r1", "source": SOURCE, "report": "complete", "period": period}
    answer = client.ask("POST", "/v1/reports", body=body)
    assert answer.status == 201, answer.body
    service.position = position = int(answer.json()["receipt"]["position"])
    client.read("/v1/reports")
    return position


@pytest.fixture(scope="module")
def operator_cookies(chromium: Browser, programme: Programme) -> list[Any]:
    """A session that may see every page."""
    visit = Visit(chromium)
    visit.page.goto(programme.service.base + "/de/sign-in")
    visit.page.fill("#key", programme.service.key("admin")[0])
    visit.page.click("main button[type=submit]")
    visit.page.wait_for_url("**/de")
    cookies: list[Any] = visit.context.cookies()
    visit.context.close()
    return cookies


@pytest.fixture
def enter(chromium: Browser, programme: Programme, request: pytest.FixtureRequest) -> Enter:
    """Signs somebody in with a key of a role, through the form; '' enters as the public."""

    def opened(role: str) -> Page:
        visit = Visit(chromium)
        request.addfinalizer(visit.context.close)
        visit.page.goto(programme.service.base + ("/de/sign-in" if role else "/de"))
        if role:
            visit.page.locator("#key").fill(key_of(programme, role))
            visit.page.locator("main").get_by_role("button", name="Anmelden").click()
            visit.page.wait_for_url("**/de")
        return visit.page

    return opened


@pytest.fixture
def visit(
    chromium: Browser,
    programme: Programme,
    operator_cookies: list[Any],
    request: pytest.FixtureRequest,
) -> Any:
    """Opens a page as an operator, or as nobody."""

    def open_page(
        path: str,
        width: int = 1280,
        scheme: Scheme = "light",
        *,
        signed_in: bool = True,
        **more: Any,
    ) -> Visit:
        cookies = operator_cookies if signed_in else None
        more.setdefault("locale", "en-GB" if path.startswith("/en") else "de-DE")
        opened = Visit(chromium, width, scheme, cookies, **more)
        request.addfinalizer(opened.context.close)
        opened.page.goto(programme.service.base + path)
        return opened

    return open_page
