"""The pages in a real browser, under the policy they are served with: looks, access, no violations.

Set CLUSTERLEDGER_SCREENSHOTS to a folder to keep the pictures.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
from aiohttp import web
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

from api.web.overview import ClusterCell, Overview, Text
from api.web.pages import (
    CONTENT_SECURITY_POLICY,
    STATIC_DIR,
    STATIC_URL,
    render_docs,
    render_overview,
)

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome")
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
WCAG = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}

Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def pages(full: Overview, empty: Overview, first_year: Overview) -> dict[str, str]:
    """Each path and what is served there; the violating page is the control."""
    long_name = Text(de="Donaudampfschifffahrt" * 8, en="Donaudampfschifffahrt" * 8)
    figure = full.headline[0]
    long = msgspec.structs.replace(
        figure,
        title=long_name,
        by_cluster=(ClusterCell(code="x", name=long_name, value=7), *figure.by_cluster),
    )
    return {
        "/": render_overview(full, "de"),
        "/en": render_overview(full, "en"),
        "/empty": render_overview(empty, "de"),
        "/empty/en": render_overview(empty, "en"),
        "/first-year": render_overview(first_year, "de"),
        "/long": render_overview(msgspec.structs.replace(full, headline=(long,)), "de"),
        "/docs": render_docs(),
        "/violating": '<!doctype html><html><body><p style="width: 3000px">x</p>'
        "<script>1</script><img src='x.png'></body></html>",
    }


@pytest.fixture(scope="module")
def base_url(pages: dict[str, str]) -> Iterator[str]:
    """A server of the pages and the static files on a free port of the loopback interface."""
    headers = {"Content-Security-Policy": CONTENT_SECURITY_POLICY}

    async def page(request: web.Request) -> web.Response:
        return web.Response(text=pages[request.path], content_type="text/html", headers=headers)

    async def openapi(_: web.Request) -> web.Response:
        operation = {"responses": {"200": {"description": "Alive"}}}
        return web.json_response(
            {
                "openapi": "3.1.0",
                "info": {"title": "t", "version": "1"},
                "paths": {"/livez": {"get": operation}},
            }
        )

    loop = asyncio.new_event_loop()
    started = threading.Event()
    port: list[int] = []

    async def start() -> web.AppRunner:
        app = web.Application()
        app.router.add_static(STATIC_URL, STATIC_DIR)
        app.router.add_get("/openapi.json", openapi)
        for path in pages:
            app.router.add_get(path, page)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        port.append(runner.addresses[0][1])
        return runner

    def run() -> None:
        asyncio.set_event_loop(loop)
        runner = loop.run_until_complete(start())
        started.set()
        loop.run_forever()
        loop.run_until_complete(runner.cleanup())
        loop.close()

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(timeout=10)
    yield f"http://127.0.0.1:{port[0]}"
    loop.call_soon_threadsafe(loop.stop)
    thread.join(timeout=10)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    assert executable, "the page tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield running
        running.close()


class Visit:
    """A page that is open, with all its console said and all that failed to load."""

    def __init__(self, browser: Browser, url: str, width: int, scheme: Scheme) -> None:
        size = ViewportSize(width=width, height=800)
        self.context = browser.new_context(viewport=size, color_scheme=scheme, bypass_csp=False)
        self.complaints: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("requestfailed", lambda request: self.complaints.append(request.url))
        self.page.goto(url, wait_until="networkidle")

    def open_tables(self) -> None:
        for summary in self.page.locator("details > summary").all():
            summary.click()

    def overflow_px(self) -> int:
        root = "document.documentElement"
        over = int(self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))
        return max(over, 0)  # a reserved scroll bar makes it negative

    def violations(self) -> list[dict[str, Any]]:
        response = Axe().run(self.page, options=WCAG).response
        return [
            {"rule": v["id"], "nodes": [n["html"][:200] for n in v["nodes"]]}
            for v in response["violations"]
        ]


@pytest.fixture
def visit(browser: Browser, base_url: str, request: pytest.FixtureRequest) -> Any:
    def open_page(path: str, width: int = 1280, scheme: Scheme = "light") -> Visit:
        opened = Visit(browser, base_url + path, width, scheme)
        request.addfinalizer(opened.context.close)
        return opened

    return open_page


def picture_of(visited: Visit, name: str, tmp_path: Path) -> Path:
    folder = Path(os.environ.get("CLUSTERLEDGER_SCREENSHOTS", tmp_path))
    path = folder / f"{name}.png"
    visited.page.screenshot(path=path, full_page=True)
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
@pytest.mark.parametrize("path", ["/", "/en", "/empty", "/empty/en", "/first-year"])
def test_axe_finds_nothing_and_nothing_overflows(
    visit: Any, path: str, width: int, scheme: Scheme, tmp_path: Path
) -> None:
    visited = visit(path, width, scheme)
    picture = picture_of(visited, f"{path.replace('/', '_')}-{width}-{scheme}", tmp_path)
    visited.open_tables()
    assert visited.violations() == []
    assert visited.overflow_px() == 0
    assert visited.complaints == []
    assert picture.stat().st_size > 10_000


def test_very_long_names_do_not_overflow(visit: Any, tmp_path: Path) -> None:
    visited = visit("/long", 320)
    visited.open_tables()
    picture_of(visited, "long-320", tmp_path)
    assert visited.overflow_px() == 0


def test_dark_and_light_differ(visit: Any) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    shown = {visit("/", scheme=scheme).page.evaluate(colour) for scheme in ("light", "dark")}
    assert len(shown) == 2


def test_bars_are_painted_from_the_style_sheet(visit: Any) -> None:
    script = "getComputedStyle(document.querySelector('.chart-bar')).fill"
    assert visit("/").page.evaluate(script) not in ("rgb(0, 0, 0)", "none", "")


def test_the_fonts_are_the_local_ones(visit: Any) -> None:
    script = "document.fonts.ready.then(() => document.fonts.check('600 16px \"Fira Sans\"'))"
    assert visit("/").page.evaluate(script) is True


def test_the_first_tab_stop_skips_to_the_content(visit: Any) -> None:
    page = visit("/").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_other_language_is_one_link_away(visit: Any) -> None:
    page = visit("/").page
    page.get_by_role("link", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"


def test_swagger_ui_runs_from_local_files_under_the_policy(visit: Any) -> None:
    visited = visit("/docs")
    visited.page.get_by_text("/livez").first.wait_for()
    assert visited.complaints == []


def test_the_control_page_is_caught_by_all_three(visit: Any) -> None:
    visited = visit("/violating")
    assert any("Content Security Policy" in complaint for complaint in visited.complaints)
    assert {"html-has-lang", "image-alt"} <= {found["rule"] for found in visited.violations()}
    visited.page.evaluate("document.querySelector('p').style.width = '3000px'")
    assert visited.overflow_px() > 0
