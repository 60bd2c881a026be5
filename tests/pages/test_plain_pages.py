"""Method, operations and legal pages."""

from __future__ import annotations

import orjson
import pytest

from api.web.frame import LEGAL
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
