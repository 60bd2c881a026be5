"""Every page in a real browser, under the policy it is served with: access, looks, complaints.

Set CLUSTERLEDGER_SCREENSHOTS to a folder to keep the pictures.
"""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path
from typing import Any, cast
from uuid import UUID

import pytest
from playwright.sync_api import Browser

from api.pages import all_pages
from api.pages.sheet import FORM, LANGUAGE
from tests.api.programme import FAIR, FIRM, PROJECT, UNI, Programme, of, organisation
from tests.api.running import Service
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
    "/docs/problems",
    "/nowhere",
)
PUBLIC = ("", "/reports", "/reports/{filed}", "/method", "/method/members", "/sign-in")
LANGUAGES = ("de", "en")
WIDTHS = (1280, 768, 320)
OF_COLOURS = ("color-contrast", "link-in-text-block")
"""Rules that can come out differently in the dark: the others don't look at colours."""


def looked_at(visited: Visit, name: str, tmp_path: Path) -> None:
    """A page in every width, light and dark: pictures of it, then axe with everything opened."""
    for width, scheme in ((1280, "light"), (320, "dark")):
        visited.look(width, cast(Scheme, scheme))
        picture = visited.picture(f"{name}-{width}-{scheme}", tmp_path)
        assert picture.stat().st_size > 5_000
    visited.open_details()
    for width in WIDTHS:
        visited.look(width, "light")
        assert visited.violations() == [], width
        assert visited.overflow_px() == 0, width
        visited.look(width, "dark")
        assert visited.violations(rules=OF_COLOURS) == [], width
    complaints = [said for said in visited.complaints if "404" not in said]
    assert complaints == []


def named(path: str, language: str) -> str:
    """What a page's picture is called."""
    return re.sub(r"[^a-z0-9]+", "-", f"{path or '/overview'}-{language}".lower()).strip("-")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PAGES)
def test_axe_finds_nothing_nothing_overflows_nothing_complains(
    visit: Any, path: str, language: str, tmp_path: Path, filed: int
) -> None:
    visited = visit(f"/{language}{path.format(filed=filed)}", reduced_motion="reduce")
    looked_at(visited, named(path.format(filed="filed"), language), tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("path", PUBLIC)
def test_axe_finds_nothing_for_the_public(
    visit: Any, path: str, language: str, tmp_path: Path, filed: int
) -> None:
    path_of = path.format(filed=filed)
    visited = visit(f"/{language}{path_of}", signed_in=False, reduced_motion="reduce")
    looked_at(visited, named("/public" + path.format(filed="filed"), language), tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_around_swagger_ui(visit: Any, language: str) -> None:
    """What Swagger UI itself draws is a program of others, and the statement says so."""
    visited = visit(f"/{language}/docs", reduced_motion="reduce")
    visited.page.get_by_text("/livez").first.wait_for()
    for width, scheme in product(WIDTHS, ("light", "dark")):
        visited.look(width, scheme)
        assert visited.violations(but="#swagger-ui") == [], width


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_on_a_refused_sign_in(visit: Any, language: str, tmp_path: Path) -> None:
    visited = visit(f"/{language}/sign-in", signed_in=False, reduced_motion="reduce")
    visited.page.locator("#key").fill("clk_nobody")
    visited.page.locator("main button[type=submit]").click()
    visited.page.locator("#refused").wait_for()
    visited.complaints.clear()  # Chromium tells of every answer that is not 2xx
    looked_at(visited, named("/sign-in/refused", language), tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_on_a_correction_before_and_after_it_is_refused(
    visit: Any, language: str, programme: Programme, tmp_path: Path
) -> None:
    admitted = next(
        item["position"]
        for item in programme.auditor.read("/v1/facts", {"type": "membership.admitted.v1"})["items"]
        if item["data"]["organisation_id"] == UNI
    )
    visited = visit(f"/{language}/trail/{admitted}/correct", reduced_motion="reduce")
    page = visited.page
    page.locator("#reason").fill("x")
    page.locator("button[value=preview]").click()
    page.locator("#preview").wait_for()
    looked_at(visited, named("/correct/preview", language), tmp_path)
    page.locator("button[value=record]").click()
    page.locator("#mistake").wait_for()
    visited.complaints.clear()
    looked_at(visited, named("/correct/refused", language), tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_axe_finds_nothing_in_an_empty_ledger(
    chromium: Browser, service: Service, language: str, tmp_path: Path
) -> None:
    visited = Visit(chromium, reduced_motion="reduce")
    visited.page.goto(f"{service.base}/{language}/sign-in")
    visited.page.fill("#key", service.key("admin")[0])
    visited.page.click("main button[type=submit]")
    visited.page.wait_for_url(f"**/{language}")
    for path in ("", "/clusters", "/organisations", "/trail", "/reports"):
        visited.page.goto(f"{service.base}/{language}{path}")
        looked_at(visited, named("/empty" + path, language), tmp_path)
    visited.context.close()


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


def test_every_page_is_json_and_csv_under_its_path_and_says_so(visit: Any, filed: int) -> None:
    page = visit("/de").page
    base = page.url.removesuffix("/de")
    for path in PAGES:
        if path in {"/nowhere", "/docs/problems"}:  # a problem, and a list that JSON has elsewhere
            continue
        shown = page.request.get(f"{base}/de{path.format(filed=filed)}")
        assert shown.status == 200, path
        foot = shown.text().partition('<footer class="site-footer">')[2]
        for form, media in (("json", "application/json"), ("csv", "text/csv; charset=utf-8")):
            link = re.search(rf'href="(/de/[^"]+\.{form}[^"]*)"', foot)
            assert link is not None, (path, form)
            address, _, asked = link[1].replace("&amp;", "&").partition("?")
            assert (
                address.removesuffix(f".{form}")
                == (f"/de{path.format(filed=filed) or '/overview'}".partition("?")[0])
            )
            answer = page.request.get(f"{base}{address}?{asked}")
            assert (answer.status, answer.headers["content-type"]) == (200, media), (path, form)


def test_every_page_of_the_route_table_is_visited() -> None:
    visited = [path.partition("?")[0].replace("{filed}", "7") for path in PAGES]
    for route in all_pages.ROUTES:
        if not (route.path.startswith(LANGUAGE) and route.path.endswith(FORM)):
            continue  # a form, or a step of signing in: no page of its own
        path = route.path.removeprefix(LANGUAGE).removesuffix(FORM)
        pattern = re.sub(r"\{\w+:([^}]+)\}", r"\1", path.replace("/overview", ""))
        assert any(re.fullmatch(pattern, one) for one in visited), route.path


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


def test_the_slider_fills_the_field_by_arrow_keys_and_goes_nowhere(visit: Any) -> None:
    page = visit("/de/clusters").page
    page.locator(".cut > summary").click()
    slider = page.locator("#cut-range")
    last = int(slider.input_value())
    slider.focus()
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert page.locator("#cut-position").input_value() == str(last - 3)
    told = str(slider.get_attribute("aria-valuetext"))
    assert re.match(rf"{last - 3}, .*20\d\d, \d\d:\d\d Uhr", told), "position, day and time"
    slider.press("Home")
    assert slider.get_attribute("aria-valuetext") == "0, vor dem ersten Fakt"
    slider.press("End")
    for _ in range(3):
        page.keyboard.press("ArrowLeft")
    assert "known_at" not in page.url, "a change of the slider changes no context"
    assert slider.evaluate("one => one === document.activeElement")
    page.get_by_role("button", name="Anwenden").click()
    assert f"known_at={last - 3}" in page.url


@pytest.mark.parametrize("scripts", [True, False])
def test_a_page_that_is_being_counted_appears_by_itself(
    chromium: Browser,
    operator_cookies: list[Any],
    programme: Programme,
    monkeypatch: pytest.MonkeyPatch,
    *,
    scripts: bool,
) -> None:
    monkeypatch.setattr("api.pages.background.PATIENCE_S", 0.001)
    visited = Visit(
        chromium, cookies=operator_cookies, java_script_enabled=scripts, extra_http_headers={}
    )
    day = "2020-12-30" if scripts else "2020-12-29"  # nobody asked for it before
    path = f"/de/reports/preview?report=complete&to={day}"
    answer = visited.page.goto(programme.service.base + path)
    assert answer is not None
    assert answer.status == 202
    visited.page.locator("#manifest").wait_for()
    assert "known_at=" in visited.page.url, "new facts don't begin it again"
    visited.context.close()


def test_a_closed_charts_table_is_printed(visit: Any) -> None:
    page = visit("/de/clusters/bio").page
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = false)")
    table = page.locator(".table-below table").first
    seen = "one => one.checkVisibility({contentVisibilityAuto: true})"
    assert not table.evaluate(seen), "the control: it is closed"
    page.emulate_media(media="print")
    assert table.evaluate(seen)
    assert table.bounding_box()["height"] > 50


def test_nothing_on_a_page_moves(visit: Any) -> None:
    script = """[...document.querySelectorAll("*")].filter(one => {
      const {transitionDuration, transitionProperty, animationName} = getComputedStyle(one);
      const moves = transitionProperty !== "none" && transitionDuration !== "0s";
      return moves || animationName !== "none";
    }).length"""
    page = visit("/de/trail").page
    assert page.evaluate(script) == 0
    assert page.evaluate("document.getAnimations().length") == 0


NASTY = (
    "Gesellschaft für angewandte Werkstoff- und Oberflächentechnik in Niederbayern mbH",
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "\N{RIGHT-TO-LEFT OVERRIDE}hctamssaM refeil",
    "شركة التقنية المحدودة",
    """O'Neill & "Söhne" <script>alert(1)</script><b>fett</b>""",
)


def test_names_of_any_kind_are_text_and_fit(visit: Any, programme: Programme) -> None:
    ids = [str(UUID(int=900 + n)) for n in range(len(NASTY))]
    started = {"effective_on": "2012-01-01"}
    programme.admin.post(
        *(organisation(id, name) for id, name in zip(ids, NASTY, strict=True)),
        *(("membership.admitted.v1", of(id, "bio", **started)) for id in ids),
    )
    programme.list("clusters", min_position=programme.service.position)
    visited = visit("/de/organisations", width=320)
    page, base = visited.page, programme.service.base
    for path in ("/organisations", "/clusters/bio?as_of=2013-01-01", "/search?q=gesellschaft"):
        page.goto(f"{base}/de{path}")
        assert visited.overflow_px() == 0, path
        shown = page.locator("main table bdi").all_inner_texts()
        assert set(NASTY if "search" not in path else NASTY[:2]) <= set(shown), path
    for id, name in zip(ids, NASTY, strict=True):
        page.goto(f"{base}/de/organisations/{id}")
        assert page.locator("h1").inner_text() == name
        assert page.locator("h1 script, h1 b").count() == 0
        assert visited.overflow_px() == 0, name
        beside = page.locator("h1 bdi")
        assert beside.evaluate("one => getComputedStyle(one).unicodeBidi") == "isolate"
    assert visited.complaints == []


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
