"""Pages in a real browser, on a running service with a small programme in it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.api.conftest import programme, shared_service
from tests.api.programme import Programme
from tests.web.chromium import Scheme, Visit, running

__all__ = ["programme", "shared_service"]


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    with running() as browser:
        yield browser


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
        opened = Visit(chromium, width, scheme, cookies, **more)
        request.addfinalizer(opened.context.close)
        opened.page.goto(programme.service.base + path)
        return opened

    return open_page
