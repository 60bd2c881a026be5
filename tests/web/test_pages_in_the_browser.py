"""Every page in a real browser, under the policy it is served with: access, looks, complaints.

Set CLUSTERLEDGER_SCREENSHOTS to a folder to keep the pictures.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from api.pages import all_pages
from api.pages.sheet import FORM, LANGUAGE
from tests.api.programme import FAIR, FIRM, PROJECT, Programme
from tests.web.chromium import Scheme, Visit
from tests.web.conftest import CONSORTIUM

PAGES = (
    "",
    "/clusters",
    "/clusters/bio",
    "/organisations",
    f"/organisations/{FIRM}",
    "/activities",
    f"/activities/{FAIR}",
    "/projects",
    f"/projects/{PROJECT}?as_of=2019-01-01",
    f"/projects/{CONSORTIUM}?as_of=2019-01-01",
    "/search?q=öl",
    "/search?q=nothingatall",
    "/trail",
    "/trail/5",
    "/trail/5/correct",
    "/reports",
    "/reports/preview?report=cluster_table&to=2020-12-31",
    "/reports/{filed}",
    "/reports/{filed}/restatement",
    "/reports/{filed}/restatement/{filed}",
    "/method",
    "/method/participations",
    "/figures/participations/facts?to=2020-12-31",
    "/figures/participations/clusters",
    "/operations",
    "/sign-in",
    "/sign-in/link?token=none",
    "/accessibility",
    "/privacy",
    "/imprint",
    "/nowhere",
)
NARROW: tuple[str, int, Scheme] = ("de", 320, "dark")
WIDER: tuple[tuple[str, int, Scheme], ...] = (
    ("en", 768, "light"),
    ("de", 1280, "light"),
    ("en", 1280, "dark"),
)
LOOKS = tuple(
    (path, *look)
    for number, path in enumerate(PAGES)
    for look in (NARROW, WIDER[number % len(WIDER)])
)
"""Every page where least fits, and in one of the other looks by turns: they share their parts."""


@pytest.mark.parametrize(("path", "language", "width", "scheme"), LOOKS)
def test_axe_finds_nothing_nothing_overflows_nothing_complains(
    visit: Any, path: str, language: str, width: int, scheme: Scheme, tmp_path: Path, filed: int
) -> None:
    visited = visit(f"/{language}{path.format(filed=filed)}", width, scheme)
    name = path.format(filed="filed").partition("?")[0].strip("/").replace("/", "-") or "overview"
    picture = visited.picture(f"{name}-{language}-{width}-{scheme}", tmp_path)
    visited.open_details()
    assert visited.violations() == []
    assert visited.overflow_px() == 0
    complaints = [said for said in visited.complaints if "404" not in said]
    assert complaints == []
    assert picture.stat().st_size > 5_000


@pytest.mark.parametrize("signed_in", [True, False])
def test_every_page_has_the_control_of_the_two_times_or_says_why_not(
    visit: Any, filed: int, signed_in: bool
) -> None:
    page = visit("/de", signed_in=signed_in).page
    base = page.url.removesuffix("/de")
    for path in PAGES:
        answer = page.request.get(f"{base}/de{path.format(filed=filed)}", max_redirects=0)
        if answer.status in {200, 403}:
            controls = re.findall(r'<(?:details class="cut"|p class="uncut">\w)', answer.text())
            assert len(controls) == (answer.status == 200), path


def test_every_page_of_the_route_table_is_visited() -> None:
    visited = [path.partition("?")[0].replace("{filed}", "7") for path in PAGES]
    for route in all_pages.ROUTES:
        if not (route.path.startswith(LANGUAGE) and route.path.endswith(FORM)):
            continue  # a form, or a step of signing in: no page of its own
        path = route.path.removeprefix(LANGUAGE).removesuffix(FORM)
        pattern = re.sub(r"\{\w+:([^}]+)\}", r"\1", path.replace("/overview", ""))
        assert any(re.fullmatch(pattern, one) for one in visited), route.path


@pytest.mark.parametrize("path", ["", "/reports", "/reports/{filed}", "/method", "/sign-in"])
def test_axe_finds_nothing_for_the_public(visit: Any, path: str, filed: int) -> None:
    visited = visit(f"/de{path.format(filed=filed)}", 320, signed_in=False)
    assert visited.violations() == []
    assert visited.overflow_px() == 0


def test_dark_and_light_differ(visit: Any) -> None:
    colour = "getComputedStyle(document.body).backgroundColor"
    shown = {visit("/de", scheme=scheme).page.evaluate(colour) for scheme in ("light", "dark")}
    assert len(shown) == 2


def test_bars_are_painted_from_the_style_sheet(visit: Any) -> None:
    script = "getComputedStyle(document.querySelector('.chart-bar')).fill"
    page = visit("/de/reports/preview?report=cluster_table&to=2020-12-31").page
    assert page.evaluate(script) not in ("rgb(0, 0, 0)", "none", "")


def test_the_fonts_are_the_local_ones(visit: Any) -> None:
    script = "document.fonts.ready.then(() => document.fonts.check('600 16px \"Fira Sans\"'))"
    assert visit("/de").page.evaluate(script) is True


def test_the_first_tab_stop_skips_to_the_content(visit: Any) -> None:
    page = visit("/de/trail").page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip-link"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"


def test_the_other_language_is_one_link_away_and_keeps_the_question(visit: Any) -> None:
    page = visit("/de/organisations?as_of=2015-01-01&kind=company").page
    page.get_by_role("link", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"
    assert "as_of=2015-01-01" in page.url
    assert "kind=company" in page.url


def test_pages_work_without_javascript(visit: Any) -> None:
    page = visit("/de/organisations", java_script_enabled=False).page
    page.get_by_label("Name enthält").fill("Großbau")
    page.get_by_role("button", name="Anzeigen").click()
    assert page.get_by_role("link", name="Großbau SE").is_visible()
    page.locator(".cut > summary").click()
    page.get_by_label("Bekannt bei").fill("3")
    page.get_by_role("button", name="Anwenden").click()
    assert page.get_by_role("link", name="Großbau SE").count() == 0


def test_the_slider_chooses_a_position(visit: Any) -> None:
    page = visit("/de/clusters").page
    page.locator(".cut > summary").click()
    with page.expect_navigation():
        page.locator("#cut-range").fill("1")
    assert "known_at=1" in page.url


def test_swagger_ui_runs_from_local_files_under_the_policy(visit: Any) -> None:
    visited = visit("/docs")
    visited.page.get_by_text("/livez").first.wait_for()
    assert visited.complaints == []


def test_a_page_with_its_styles_and_fonts_is_below_200_kb(visit: Any) -> None:
    visited = visit("/de/imprint")
    sizes: list[int] = []

    def count(response: Any) -> None:
        told = response.all_headers().get("content-length")
        sizes.append(int(told) if told else len(response.body()))

    visited.context.clear_cookies()
    fresh = visited.context.new_page()
    fresh.on("response", count)
    fresh.goto(visited.page.url.replace("/imprint", ""), wait_until="networkidle")
    assert len(sizes) > 5, "the page, its styles, its fonts"
    assert sum(sizes) < 200_000


def test_the_control_page_is_caught_by_all_three(chromium: Browser, programme: Programme) -> None:
    visited = Visit(chromium, 320)
    page = visited.page
    page.goto(programme.service.base + "/de/imprint")
    violating = '<p style="width: 3000px">x</p><img src="x.png">'
    page.evaluate("html => document.querySelector('main').innerHTML = html", violating)
    assert any("Content Security Policy" in complaint for complaint in visited.complaints)
    assert "image-alt" in {found["rule"] for found in visited.violations()}
    page.evaluate("document.querySelector('main p').style.width = '3000px'")
    assert visited.overflow_px() > 0
    visited.context.close()
