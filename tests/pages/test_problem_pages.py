"""What went wrong, on a page: in the reader's language, in the place it went wrong at."""

from __future__ import annotations

import re
import string
from datetime import date

import pytest

from api.problems import CODES, all_codes
from api.web.frame import TEMPLATES
from api.web.problem_words import SAID, german
from ledger.domain.refusals import REFUSALS
from projections.reports.refusals import ImportOpen
from tests.api.programme import Programme
from tests.pages.browser import Browser


@pytest.fixture(scope="module")
def auditor(programme: Programme) -> Browser:
    browser = Browser(programme.service)
    browser.sign_in(programme.service.key("trail:read")[0])
    return browser


def main_of(page: str) -> str:
    return page.partition("<main")[2].partition("</main>")[0]


def test_every_code_has_german_words_that_name_what_the_case_has() -> None:
    assert set(SAID) == set(all_codes())
    of_figures = {ImportOpen.code: names_in(ImportOpen.__doc__ or "")}
    for code, sentence in SAID.items():
        of_the_api = of_figures.get(code, {"request_id"})
        of_the_case = of_the_api if code in CODES else set(REFUSALS[code].fields)
        assert names_in(sentence) <= of_the_case, code


def names_in(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


def test_a_german_sentence_is_filled_in_as_the_language_writes_it() -> None:
    case = {"grant_cents": 200_000, "volume_cents": 5}
    assert "2.000,00\N{NO-BREAK SPACE}€" in german("grant_exceeds_volume", case)
    case = {"field": "held_on", "day": date(2030, 1, 2), "today": date(2026, 3, 4)}
    said = german("in_the_future", case)
    assert said == (
        "durchgeführt am: 2. Januar 2030 liegt in der Zukunft. Heute ist der 4. März 2026."
    )
    assert german("already_closed", {}) == "Das Cluster … ist schon am … geschlossen."


def test_no_template_says_anything_in_the_other_language() -> None:
    for template in TEMPLATES.glob("*.html"):
        assert 'lang="en"' not in template.read_text(), template.name


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/de/clusters?as_of=yesterday", "Es geht um „Gültig am“: yesterday"),
        ("/de/clusters?known_at=999999", "Der Stand liegt hinter seinem Ende"),
        ("/de/trail?type=nonsense", "Eine Angabe in der Adresse ist nicht gültig"),
        ("/de/clusters/none", "Unter dieser Adresse gibt es nichts"),
    ],
)
def test_a_german_page_says_it_in_german(auditor: Browser, path: str, words: str) -> None:
    page = main_of(auditor.get(path)[2])
    assert words in re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", page))
    assert "is no day" not in page
    assert "There is" not in page


def test_an_english_page_says_how_to_mend_it(auditor: Browser) -> None:
    page = main_of(auditor.get("/en/clusters?as_of=yesterday")[2])
    assert "A day is written 2026-11-22." in page


def test_a_problem_stands_where_it_was_met(auditor: Browser) -> None:
    page = auditor.get("/de/clusters/none?as_of=2020-01-01")[2]
    assert re.search(r'href="/de/clusters[^"]*" aria-current="page"', page)
    assert 'href="/en/clusters/none?as_of=2020-01-01"' in page
    assert 'href="/de/trail?as_of=2020-01-01"' in page, "links keep the day"


def test_a_time_that_is_the_problem_is_not_carried_on(auditor: Browser) -> None:
    assert "as_of" not in main_less(auditor.get("/de/clusters?as_of=yesterday")[2])
    assert "known_at" not in main_less(auditor.get("/de/clusters?known_at=999999")[2])


def main_less(page: str) -> str:
    return page.replace(main_of(page), "")


@pytest.mark.parametrize("path", ["/de/nowhere", "/de/clusters/none", "/en/docs", "/docs/problems"])
def test_who_is_signed_in_is_so_on_every_page(auditor: Browser, path: str) -> None:
    page = auditor.get(path)[2]
    assert 'action="/en/sign-out"' in page or 'action="/de/sign-out"' in page
    assert "/trail" in page, "and is offered what they may see"


def test_a_form_that_failed_has_no_page_in_the_other_language(auditor: Browser) -> None:
    status, _, page = auditor.post("/de/sign-out", {"csrf": "guessed"})
    assert status == 403
    assert "hreflang" not in page


def test_the_documentation_of_the_api_is_in_both_languages(auditor: Browser) -> None:
    german_page = auditor.get("/de/docs/problems?as_of=2020-01-01")[2]
    assert "Das Cluster {cluster} ist nicht angelegt." in german_page
    assert 'href="/en/docs/problems?as_of=2020-01-01"' in german_page
    assert "Cluster {cluster} is not registered." in auditor.get("/docs/problems")[2]
    assert '<html lang="de">' in auditor.get("/de/docs")[2]


@pytest.mark.parametrize(
    "path", ["/de/clusters?as_of=&known_at=", "/de/organisations?as_of=", "/de/trail?to="]
)
def test_a_time_that_was_cleared_is_one_left_open(auditor: Browser, path: str) -> None:
    status, _, page = auditor.get(path)
    assert status == 200
    assert "(heute, neuester Stand)" in page
    assert "as_of=&" not in page


def test_signing_in_leads_back_to_the_page_it_was_begun_on(programme: Programme) -> None:
    nobody = Browser(programme.service)
    page = nobody.get("/de/method?as_of=2020-01-01")[2]
    link = re.search(r'href="(/de/sign-in[^"]*)"', page)
    assert link is not None
    form = nobody.get(link[1])[2]
    following = re.search(r'name="next" value="([^"]*)"', form)
    assert following is not None
    fields = {"key": programme.service.key("trail:read")[0], "next": following[1]}
    assert nobody.post("/de/sign-in", fields)[1]["Location"] == "/de/method?as_of=2020-01-01"
