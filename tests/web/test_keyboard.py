"""Every flow by keyboard alone: each stop on the way shows that it has the focus."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.api.programme import FAIR, Programme
from tests.web.walks import Enter, follow, headline, tab_to


def write(page: Page, label: str, text: str) -> None:
    """Go to a field and write into it, in place of what it holds."""
    tab_to(page, page.get_by_label(label))
    page.keyboard.press("ControlOrMeta+A")
    page.keyboard.type(text)


def test_the_public_reads_a_definition_and_a_report(enter: Enter, filed: int) -> None:
    page = enter("")
    follow(page, page.get_by_role("link", name=re.compile("Definition activities@")).first)
    expect(page.get_by_role("heading", name="Zählregel")).to_be_visible()
    follow(page, page.get_by_role("link", name="Berichte", exact=True))
    follow(page, page.locator(f"a[href$='/reports/{filed}']"))
    tab_to(page, page.get_by_role("link", name="CSV", exact=True))


def test_an_auditor_filters_the_trail_and_looks_at_it_as_known_before(
    enter: Enter, filed: int
) -> None:
    page = enter("auditor")
    follow(page, page.get_by_role("link", name="Fakten", exact=True))
    tab_to(page, page.get_by_label("Art des Fakts"))
    page.keyboard.type("Organisation umbenannt")
    follow(page, page.get_by_role("button", name="Anzeigen"))
    follow(page, page.locator("main table").get_by_role("link", name="Organisation umbenannt"))
    position = int(page.url.rpartition("/")[2])
    follow(page, page.locator("dl.facts a[href*='/organisations/']"))
    assert headline(page) == "Müller SE"
    tab_to(page, page.locator(".cut > summary"))
    page.keyboard.press("Enter")
    write(page, "Bekannt bei", str(position - 1))
    follow(page, page.get_by_role("button", name="Anwenden"))
    assert headline(page) == "Müller & Söhne GmbH"


def test_an_office_searches_and_corrects(enter: Enter, programme: Programme) -> None:
    count = {"activity_id": FAIR, "count": 600, "scope": "total"}
    programme.admin.post(("headcount.recorded.v1", count))
    position = programme.service.position
    programme.list("clusters", min_position=position)
    page = enter("office:bio")
    follow(page, page.get_by_role("link", name="Suche", exact=True))
    write(page, "Suchbegriff", "messe oele")
    follow(page, page.get_by_role("button", name="Anzeigen"))
    follow(page, page.get_by_role("link", name="Messe für Öle"))
    follow(page, page.locator(f".timeline a[href$='/trail/{position}']"))
    follow(page, page.get_by_role("link", name="Aufheben oder berichtigen"))
    tab_to(page, page.get_by_label("Aufheben:"))
    page.keyboard.press("ArrowDown")
    expect(page.get_by_label("Berichtigen:")).to_be_checked()
    write(page, "Grund", "Zahlendreher")
    write(page, "Anzahl", "60")
    follow(page, page.get_by_role("button", name="Zeigen, was sich ändert"))
    expect(page.locator("#preview")).to_be_visible()
    follow(page, page.get_by_role("button", name="Verbuchen"))
    assert headline(page) == "Kopfzahl gemeldet"


def test_an_operator_revokes_a_key_and_signs_out(enter: Enter, programme: Programme) -> None:
    programme.service.key("trail:read", label="lost")
    page = enter("operator")
    follow(page, page.locator(".site-nav").get_by_role("link", name="Betrieb"))
    follow(page, page.get_by_role("button", name="Sperren: lost"))
    row = page.get_by_role("row", name=re.compile("lost"))
    expect(row).to_contain_text("gesperrt")
    follow(page, page.get_by_role("button", name="Abmelden"))
    expect(page.get_by_role("link", name="Anmelden")).to_be_visible()


def test_the_trail_hears_of_new_facts_that_its_filter_matches(
    visit: Any, programme: Programme
) -> None:
    page = visit("/de/trail?type=cluster.registered.v1").page
    expect(page.get_by_role("link", name="Neu laden")).to_be_hidden()
    page.wait_for_timeout(300)  # the stream opens
    new = {"cluster": "neu", "name": "Neu", "effective_on": "2020-01-01"}
    renamed = {"cluster": "neu", "name": "Neuer", "effective_on": "2021-01-01"}
    programme.admin.post(("cluster.registered.v1", new), ("cluster.renamed.v1", renamed))
    status = page.get_by_role("status")
    expect(status).to_have_text("Neu seit dem Laden: 1")
    page.get_by_role("link", name="Neu laden").click()
    expect(page.locator("main tbody tr").first).to_contain_text("Cluster angelegt")
    expect(page.get_by_role("status")).to_have_text("")


def test_the_operations_page_keeps_up_with_the_ledger(visit: Any, programme: Programme) -> None:
    page = visit("/de/operations").page
    head = page.locator("[data-field=head]")
    before = int(head.inner_text().replace(".", ""))
    new = {"cluster": "noch", "name": "Noch eins", "effective_on": "2020-01-01"}
    programme.admin.post(("cluster.registered.v1", new))
    expect(head).to_have_text(str(before + 1))
    expect(page.locator("[data-field=lag_facts]")).to_have_text("0")
    expect(page.locator("[data-rebuild]")).to_have_text("keiner")
