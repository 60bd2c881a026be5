"""A way through the pages for each kind of user, in a real browser; two by keyboard alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.api.programme import FAIR, HEIR, Programme
from tests.web.chromium import Visit
from tests.web.walks import Enter, follow, headline, key_of, tab_to


@pytest.fixture(scope="module")
def filed(programme: Programme) -> int:
    """The position of a filed report."""
    asked = {"report": "cluster_table", "period": {"to": "2020-12-31"}}
    made = {"id": "flow", "source": "//tests.example/flow"} | asked
    answer = programme.admin.ask("POST", "/v1/reports", body=made)
    assert answer.status == 201, answer
    position = int(answer.json()["receipt"]["position"])
    programme.list("clusters", min_position=position)
    return position


def test_the_public_goes_from_the_overview_to_a_definition_a_report_and_its_file(
    enter: Enter, filed: int
) -> None:
    page = enter("")
    page.get_by_role("link", name=re.compile("Definition activities@")).first.click()
    expect(page.get_by_role("heading", name="Zählregel")).to_be_visible()
    page.get_by_role("link", name="Berichte", exact=True).click()
    page.locator(f"a[href$='/reports/{filed}']").click()
    expect(page.get_by_text("Die Prüfsumme stimmt überein")).to_be_visible()
    expect(page.get_by_text("Öffentliche Fassung")).to_be_visible()
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV", exact=True).click()
    assert started.value.path().read_bytes().count(b"\n") > 3


def test_the_ministry_files_what_it_previewed_by_keyboard_alone(
    chromium: Browser, programme: Programme, request: pytest.FixtureRequest
) -> None:
    visit = Visit(chromium)
    request.addfinalizer(visit.context.close)
    page = visit.page
    page.goto(programme.service.base + "/de")
    follow(page, page.get_by_role("link", name="Anmelden"))
    tab_to(page, page.locator("#key"))
    page.keyboard.type(key_of(programme, "ministry"))
    with page.expect_navigation():
        page.keyboard.press("Enter")
    follow(page, page.get_by_role("link", name="Berichte", exact=True))
    tab_to(page, page.get_by_label("Bericht", exact=True))
    page.keyboard.type("Die Cluster")
    follow(page, page.get_by_role("button", name="Ansehen"))
    previewed = page.locator("#manifest ~ dl dd").nth(2).inner_text()
    follow(page, page.get_by_role("button", name="Bericht ablegen"))
    assert re.search(r"/de/reports/\d+$", page.url), "a permanent address"
    assert page.locator("#manifest ~ dl dd").nth(2).inner_text() == previewed
    pdf = page.get_by_role("link", name="PDF", exact=True)
    tab_to(page, pdf)
    answer = page.request.get(programme.service.base + str(pdf.get_attribute("href")))
    assert answer.body().startswith(b"%PDF-")


def test_an_auditor_goes_from_the_trail_to_a_fact_its_story_and_an_earlier_state(
    enter: Enter, programme: Programme, filed: int
) -> None:
    page = enter("auditor")
    page.get_by_role("link", name="Fakten", exact=True).click()
    page.get_by_label("Art des Fakts").select_option(label="Organisation umbenannt")
    page.get_by_role("button", name="Anzeigen").click()
    page.locator("main table").get_by_role("link", name="Organisation umbenannt").click()
    position = int(page.url.rpartition("/")[2])
    expect(page.get_by_role("heading", name="Quittung")).to_be_visible()
    page.locator("dl.facts a[href*='/organisations/']").click()
    assert headline(page) == "Müller SE"
    page.locator(".cut > summary").click()
    page.get_by_label("Bekannt bei").fill(str(position - 1))
    page.get_by_role("button", name="Anwenden").click()
    assert headline(page) == "Müller & Söhne GmbH", "as known before it was renamed"
    page.goto(f"{programme.service.base}/de/reports/{filed}")
    page.get_by_role("link", name="Was sich seither geändert hat").click()
    expect(page.get_by_text("verglichen mit denen bis Position")).to_be_visible()


def test_a_cluster_office_corrects_a_head_count_after_a_look(
    enter: Enter, programme: Programme
) -> None:
    programme.admin.post(
        ("headcount.recorded.v1", {"activity_id": FAIR, "count": 700, "scope": "total"})
    )
    programme.list("clusters", min_position=programme.service.position)
    page = enter("office:bio")
    page.get_by_role("link", name="Suche", exact=True).click()
    page.get_by_label("Suchbegriff").fill("messe oele")
    page.get_by_role("button", name="Anzeigen").click()
    page.get_by_role("link", name="Messe für Öle").click()
    told = page.locator(".timeline > li", has_text="Kopfzahl gemeldet")
    told.get_by_role("link", name=re.compile("Position")).click()
    page.get_by_role("link", name="Aufheben oder berichtigen").click()
    page.get_by_label("Berichtigen:").check()
    page.get_by_label("Grund").fill("Zahlendreher")
    page.get_by_label("Anzahl").fill("70")
    page.get_by_role("button", name="Zeigen, was sich ändert").click()
    expect(page.locator("#preview")).to_be_visible()
    page.get_by_role("button", name="Verbuchen").click()
    page.goto(f"{programme.service.base}/de/activities/{FAIR}")
    story = page.locator(".timeline").inner_text()
    assert "Zahlendreher" in story
    expect(page.locator(".timeline > li.voided")).to_have_count(1)
    expect(page.locator("dl.facts dd", has_text=re.compile("^70$"))).to_be_visible()


def test_an_operator_sees_lag_and_keys_by_keyboard_alone(visit: Any) -> None:
    page = visit("/de").page
    follow(page, page.locator(".site-nav").get_by_role("link", name="Betrieb"))
    expect(page.locator("[data-field=lag_facts]")).to_have_text("0")
    table = page.get_by_role("region", name="Tabelle: Zugangsschlüssel")
    tab_to(page, table)
    assert table.locator("tbody tr").count() > 0


@pytest.mark.parametrize("asked", [{"reduced_motion": "reduce"}, {"media": "print"}])
def test_nothing_that_tells_is_lost_in_print_or_without_motion(
    visit: Any, asked: dict[str, Any]
) -> None:
    page = visit(f"/de/organisations/{HEIR}").page
    told = page.locator("main").inner_text()
    page.emulate_media(**asked)
    kept = page.locator("main").inner_text()
    form = page.locator(".cut-form").inner_text() if "media" in asked else ""
    assert [line for line in told.splitlines() if line not in kept and line not in form] == []
    assert page.evaluate("document.getAnimations().length") == 0
