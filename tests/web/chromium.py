"""A real Chromium: how it is started, what a visit notes, and axe."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Browser, Page, ViewportSize, sync_playwright

CHROMIUM_NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")
NOT_SECURE = "not-secure.example"
"""Leads to this machine, and is no secure context as 127.0.0.1 is one."""
ARGUMENTS = (
    f"--host-resolver-rules=MAP {NOT_SECURE} 127.0.0.1",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
HEIGHT = 800
PATIENCE_MS = 90_000
"""How long a page or a picture may take: tests share a machine, and a busy one is no failure."""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
RUN_AXE = """([only, but]) => axe.run(
    {include: [["html"]], exclude: but ? [[but]] : []},
    {runOnly: only, resultTypes: ["violations"]},
).then(
  found => found.violations.map(
    ({id, nodes}) => ({rule: id, nodes: nodes.map(node => node.html.slice(0, 200))})))"""

Scheme = Literal["light", "dark"]


@contextmanager
def running() -> Iterator[Browser]:
    """The system's Chromium, without a network beyond this machine."""
    executable = next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)
    assert executable, "the page tests need Chromium: apt-get install chromium"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=ARGUMENTS)
        yield browser
        browser.close()


class Visit:
    """One browser window: all its console said, and all that failed to load."""

    def __init__(
        self,
        browser: Browser,
        width: int = 1280,
        scheme: Scheme = "light",
        cookies: list[Any] | None = None,
        **more: Any,
    ) -> None:
        size = ViewportSize(width=width, height=HEIGHT)
        more.setdefault("extra_http_headers", {"Prefer": "wait=60"})  # for what is being counted
        self.context = browser.new_context(viewport=size, color_scheme=scheme, **more)
        self.context.set_default_timeout(PATIENCE_MS)
        self.context.add_cookies(cookies or [])
        self.complaints: list[str] = []
        self.page: Page = self.context.new_page()
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open_details(self) -> None:
        self.page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")

    def overflow_px(self) -> int:
        root = "document.documentElement"
        over = int(self.page.evaluate(f"{root}.scrollWidth - {root}.clientWidth"))
        return max(over, 0)  # a reserved scroll bar makes it negative

    def look(self, width: int, scheme: Scheme) -> None:
        """The same page in another window: what depends on either is drawn anew."""
        self.page.set_viewport_size({"width": width, "height": HEIGHT})
        self.page.emulate_media(color_scheme=scheme)

    def violations(self, *, rules: Sequence[str] = (), but: str = "") -> list[dict[str, Any]]:
        """What axe finds by the rules of WCAG 2.2 AA, or by some of them; `but` is a selector of
        what it leaves out."""
        only = {"type": "rule", "values": list(rules)} if rules else WCAG
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate(AXE_SCRIPT)
        found: list[dict[str, Any]] = self.page.evaluate(RUN_AXE, [only, but])
        return found

    def picture(self, name: str, otherwise: Path) -> Path:
        """Kept in the folder CLUSTERLEDGER_SCREENSHOTS, where it is set."""
        path = Path(os.environ.get("CLUSTERLEDGER_SCREENSHOTS", otherwise)) / f"{name}.png"
        self.page.screenshot(path=path, full_page=True)
        return path
