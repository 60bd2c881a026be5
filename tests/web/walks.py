"""How tests walk through pages: with a key of a role, and by keyboard alone."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from playwright.sync_api import Locator, Page

from api.roles import authority
from tests.api.programme import Programme

SHOWS = """(() => {
  const {outlineStyle, boxShadow} = getComputedStyle(document.activeElement);
  return outlineStyle !== "none" || boxShadow !== "none" || document.activeElement.type === "date";
})()"""
"""Whether what has the focus shows it; within a date field its button for the calendar does."""
Enter = Callable[[str], Page]
"""Signs somebody in with a key of a role; '' enters as the public."""


def key_of(programme: Programme, role: str) -> str:
    """A key with what the role may do, as `demo` makes them."""
    held = authority(UUID(int=0), (role,))
    clusters = sorted(held.clusters)
    scopes = held.scopes - {f"facts:write:{cluster}" for cluster in clusters}
    return programme.service.key(
        *sorted(scopes), clusters=clusters, sources=sorted(held.sources) or ["*"]
    )[0]


def tab_to(page: Page, target: Locator, at_most: int = 80) -> None:
    """Press Tab until the target has the focus; every stop on the way must show that it has it."""
    wanted = target.element_handle()
    for _ in range(at_most):
        page.keyboard.press("Tab")
        assert page.evaluate(SHOWS), page.evaluate("document.activeElement.outerHTML")
        if page.evaluate("one => one === document.activeElement", wanted):
            return
    raise AssertionError(f"{target} is not reached by Tab")


def follow(page: Page, target: Locator) -> None:
    """Go there by keyboard and press Enter, which loads a page."""
    tab_to(page, target)
    with page.expect_navigation():
        page.keyboard.press("Enter")


def headline(page: Page) -> str:
    return page.locator("h1").inner_text()
