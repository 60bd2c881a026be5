"""Method, operations and legal pages."""

from __future__ import annotations

import orjson
import pytest
from msgspec.structs import replace

from api.pages.legal import STATED_ON
from api.sessions import AWAY_COOKIE, COOKIE
from api.state import STATE
from api.web.frame import LEGAL
from api.web.language import day
from projections.figures.catalogue import CATALOGUE
from tests.api.programme import Programme
from tests.pages.browser import Browser


@pytest.fixture(scope="module")
def public(programme: Programme) -> Browser:
    return Browser(programme.service)


def test_the_method_page_leads_to_every_definition(public: Browser) -> None:
    page = public.get("/de/method")[2]
    for definition in CATALOGUE.values():
        assert f'href="/de/method/{definition.id}"' in page
        status, _, text = public.get(f"/de/method/{definition.name}")
        assert status == 200
        assert definition.sha256 in text
    assert public.get("/de/method/nonsense")[0] == 404


def test_operations_show_the_lag_and_the_keys_without_their_secrets(programme: Programme) -> None:
    browser = Browser(programme.service)
    secret, _ = programme.service.key("admin")
    browser.sign_in(secret)
    data = orjson.loads(browser.get("/de/operations.json")[2])
    assert data["head"] == data["position"] + data["lag_facts"]
    assert data["keys"]
    assert secret not in browser.get("/de/operations")[2]


@pytest.mark.parametrize(("path", "title"), LEGAL)
def test_legal_pages_are_there_for_everybody_and_linked(
    public: Browser, path: str, title: object
) -> None:
    assert public.get(f"/en{path}")[0] == 200
    assert f'href="/en{path}"' in public.get("/en/method")[2]


def test_the_accessibility_statement_has_its_day_its_status_and_who_enforces(
    public: Browser, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = public.text("/de/accessibility")
    assert day(STATED_ON, "de") in text
    assert "teilweise vereinbar" in text
    assert "CLUSTERLEDGER_ENFORCEMENT_BODY" in text, "nobody has said so yet"
    state = programme.service.app_runner.app[STATE]
    named = replace(state.settings, enforcement_body="Landesstelle; Hof 1; https://x.example")
    monkeypatch.setattr(state, "settings", named)
    text = public.text("/de/accessibility")
    assert "Landesstelle Hof 1 https://x.example" in text
    assert "CLUSTERLEDGER_ENFORCEMENT_BODY" not in text


def test_the_privacy_page_names_both_cookies_the_basis_and_the_rights(public: Browser) -> None:
    text = public.text("/de/privacy")
    for said in (COOKIE, AWAY_COOKIE, "Artikel 6", "Aufsichtsbehörde", "8 Stunden"):
        assert said in text
