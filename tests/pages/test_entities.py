"""Clusters, organisations, activities, projects on pages, and the search over them."""

from __future__ import annotations

import csv
import io
import re
from typing import Any
from uuid import UUID

import orjson
import pytest

from api.app import ROUTES
from api.pages import lists, organisations
from projections.views.search import HITS_MAX
from tests.api.programme import FAIR, FIRM, GONE, HEIR, PROJECT, TWIN, UNI, Programme, activity
from tests.pages.browser import Browser


@pytest.fixture(scope="module")
def auditor(programme: Programme) -> Browser:
    browser = Browser(programme.service)
    browser.sign_in(programme.service.key("trail:read")[0])
    return browser


@pytest.fixture(scope="module")
def rail(programme: Programme) -> Browser:
    """Covers the cluster `rail` alone."""
    browser = Browser(programme.service)
    browser.sign_in(programme.service.key("trail:read", clusters=["rail"])[0])
    return browser


def json(browser: Browser, path: str) -> Any:
    status, _, body = browser.get(path)
    assert status == 200, body
    return orjson.loads(body)


def test_an_organisation_shows_its_day_and_how_it_came_about(auditor: Browser) -> None:
    text = auditor.text(f"/de/organisations/{UNI}?as_of=2014-06-01")
    assert "ruhend, seit 1. Januar 2012 (full)" in text
    assert "1. Januar 2014: Mitgliedschaft ruht" in text
    assert "Status: Mitglied → ruhend" in text


def test_an_organisation_that_counts_as_another_says_so(
    auditor: Browser, programme: Programme
) -> None:
    assert "Zählt an diesem Tag als" in auditor.text(f"/de/organisations/{TWIN}?as_of=2013-01-01")
    before = f"/de/organisations/{TWIN}?as_of=2013-01-01&known_at={programme.before_twins}"
    assert "Zählt an diesem Tag als" not in auditor.text(before)


def test_an_activity_shows_who_came_from_where(auditor: Browser) -> None:
    text = auditor.text(f"/en/activities/{FAIR}")
    assert "Took part by name: 1" in text
    assert "2 May 2019" in text


def test_a_project_shows_its_money_and_partners_of_the_day(auditor: Browser) -> None:
    text = auditor.text(f"/de/projects/{PROJECT}?as_of=2019-01-01")
    assert "5,00 €" in text
    assert "Konsortialführung" in text
    assert "Beteiligt an diesem Tag: 0" in auditor.text(f"/de/projects/{PROJECT}?as_of=2021-06-01")


def test_a_cluster_shows_its_members_of_the_day(auditor: Browser) -> None:
    assert "Mitglieder an diesem Tag: 2" in auditor.text("/de/clusters/bio?as_of=2013-01-01")


def test_members_stand_in_the_order_of_their_names(auditor: Browser) -> None:
    members = json(auditor, "/de/clusters/bio.json?as_of=2013-01-01")["members"]["items"]
    assert [one["name"] for one in members] == ["Technische Universität Süd", "Vergangen AG"]


def test_a_cluster_shows_its_years_to_whoever_reads_figures(
    auditor: Browser, programme: Programme
) -> None:
    counting = Browser(programme.service)
    counting.sign_in(programme.service.key("trail:read", "figures:read")[0])
    page = "/en/clusters/bio?as_of=2016-06-30"
    assert "Members by year" in counting.text(page)
    assert "Members by year" not in auditor.text(page)
    assert json(auditor, "/en/clusters/bio.json")["years"] is None

    stock, *_ = json(counting, "/en/clusters/bio.json?as_of=2016-06-30")["years"]
    assert [column["id"] for column in stock["columns"]][1:] == [
        *("opening", "joins", "rejoins", "leavers", "mergers_in_stock", "closing"),
    ]
    assert stock["rows"] == [
        ["2012", 0, 2, 0, 0, 0, 2],
        ["2013", 2, 0, 0, 0, 0, 2],
        ["2014", 2, 0, 0, 0, 0, 2],
        ["2015", 2, 0, 0, 0, 0, 2],
        ["2016", 2, 0, 0, 2, 0, 0],
    ]


def test_a_clusters_years_far_ahead_are_left_out(programme: Programme) -> None:
    counting = Browser(programme.service)
    counting.sign_in(programme.service.key("trail:read", "figures:read")[0])
    assert json(counting, "/en/clusters/bio.json?as_of=2900-01-01")["years"] == []


@pytest.mark.parametrize("words", ["grünes öl", "Gruenes Oel", "GRUNES"])
def test_search_does_not_mind_how_umlauts_are_written(auditor: Browser, words: str) -> None:
    assert "Grünes Öl" in auditor.text(f"/de/search?q={words}")


def test_search_offers_what_comes_near(auditor: Browser) -> None:
    text = auditor.text("/en/search?q=Gruenes Ohl")
    assert "Nothing contains these words. These come near:" in text
    assert "Grünes Öl" in text


def test_search_takes_signs_of_patterns_as_they_are(auditor: Browser) -> None:
    for words in ("%25", "_", "%21", "%27", "%5C"):
        assert auditor.get(f"/en/search?q={words}")[0] == 200
    assert "Nothing found" in auditor.text("/en/search?q=%25%25%25")


def test_search_shows_only_what_a_key_covers(auditor: Browser, rail: Browser) -> None:
    assert "Grünes Öl" in auditor.text("/de/search?q=Öl"), "the control: it is there"
    text = rail.text("/de/search?q=Öl")
    assert "Grünes Öl" not in text
    assert "Messe für Öle" in text


@pytest.mark.parametrize("path", [f"projects/{PROJECT}", "activities?cluster=bio"])
def test_a_key_sees_no_other_clusters_pages(rail: Browser, path: str) -> None:
    assert rail.get(f"/de/{path}")[0] in {403, 404}


def test_what_is_not_there_is_said(auditor: Browser) -> None:
    for path in (
        "organisations/nonsense",
        f"organisations/{FIRM[:-1]}0",
        f"organisations/{GONE}?as_of=1990-01-01",
        "clusters/none",
        f"activities/{HEIR}",
    ):
        status, _, text = auditor.get(f"/de/{path}")
        assert status == 404
        assert "Das gibt es hier nicht" in text


@pytest.mark.parametrize(
    "query", ["kind=nonsense", "cursor=nonsense", "from=yesterday", "status=open"]
)
def test_a_filter_that_is_none_is_said(auditor: Browser, query: str) -> None:
    assert auditor.get(f"/de/activities?{query}")[0] == 400


def test_every_page_has_both_languages_and_json_and_csv(auditor: Browser) -> None:
    simple = [r.path for r in ROUTES if r.tag == "pages" and r.path.startswith("/{language")]
    plain = [p for p in simple if p.count("{") == 2 and p.endswith(r"{form:(?:\.json|\.csv)?}")]
    assert plain, "the table names them"
    for path in plain:
        name = path.split("}", 1)[1].split("{")[0]
        for language in ("de", "en"):
            status, _, page = auditor.get(f"/{language}{name}")
            assert status in {200, 403}, name
            assert f'<html lang="{language}">' in page
        assert auditor.get(f"/de{name}.json")[0] in {200, 403}
        assert auditor.get(f"/de{name}.csv")[0] in {200, 403}, name


@pytest.mark.parametrize(
    "path", [f"organisations/{FIRM}", f"activities/{FAIR}", f"projects/{PROJECT}", "clusters/bio"]
)
def test_one_things_csv_tells_its_story_or_its_members(auditor: Browser, path: str) -> None:
    day = "2013-01-01" if path.startswith("clusters") else "2019-01-01"
    status, headers, text = auditor.get(f"/de/{path}.csv?as_of={day}")
    assert (status, headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    rows = list(csv.DictReader(io.StringIO(text)))
    if path.startswith("clusters"):
        assert [row["name"] for row in rows] == ["Technische Universität Süd", "Vergangen AG"]
    else:
        story = json(auditor, f"/de/{path}.json?as_of={day}")["story"]
        assert {int(row["position"]) for row in rows} == {s["fact"]["position"] for s in story}
        named = {row["field"]: row["after"] for row in rows if row["field"] in {"name", "title"}}
        assert named, "field by field"


@pytest.mark.parametrize("name", ["organisations", "activities", "projects", "clusters"])
def test_a_lists_csv_has_all_of_it_and_not_a_page(
    auditor: Browser, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_ITEMS", 1)
    monkeypatch.setattr(lists, "PIECE_ITEMS", 1)
    page = json(auditor, f"/de/{name}.json?as_of=2019-01-01")
    rows = list(csv.DictReader(io.StringIO(auditor.get(f"/de/{name}.csv?as_of=2019-01-01")[2])))
    assert len(page["items"]) == 1
    assert len(rows) == page["total"]
    key = next(iter(rows[0]))
    assert len({row[key] for row in rows}) == len(rows)


def test_search_finds_by_identifier_former_name_and_id(auditor: Browser) -> None:
    for words in ("ror:05591te55", "05591TE55"):
        (hit,) = json(auditor, f"/de/search.json?q={words}")["hits"]
        assert (hit["key"], hit["found"]) == (TWIN, "ror:05591te55")
    (hit,) = json(auditor, "/de/search.json?q=Müller %26 Söhne")["hits"]
    assert (hit["name"], hit["found"]) == ("Müller SE", "Müller & Söhne GmbH")
    named = {FIRM: "Müller SE", FAIR: "Messe für Öle", PROJECT: "Grünes Öl"}
    for id, name in named.items():
        (hit,) = json(auditor, f"/de/search.json?q={id}")["hits"]
        assert (hit["key"], hit["name"]) == (id, name)


def test_search_by_id_shows_only_what_a_key_covers(rail: Browser) -> None:
    assert json(rail, f"/de/search.json?q={PROJECT}")["hits"] == []
    assert len(json(rail, f"/de/search.json?q={FAIR}")["hits"]) == 1


def test_an_offices_search_is_not_crowded_out_by_what_it_may_not_see(
    programme: Programme, rail: Browser
) -> None:
    crowd = [str(UUID(int=5_000 + n)) for n in range(HITS_MAX + 2)]
    programme.admin.post(
        *(activity(id, "Kolloquium", "2021-01-01", "bio") for id in crowd),
        activity(str(UUID(int=4_999)), "Kolloquium der Bahn", "2021-01-01", "rail"),
    )
    programme.list("clusters", min_position=programme.service.position)
    found = json(rail, "/de/search.json?q=Kolloquium")
    assert [hit["name"] for hit in found["hits"]] == ["Kolloquium der Bahn"]
    assert found["more"] is False


def test_search_says_that_it_shows_the_first_only(programme: Programme, auditor: Browser) -> None:
    found = json(auditor, "/de/search.json?q=Kolloquium")
    assert (len(found["hits"]), found["more"]) == (HITS_MAX, True)
    text = auditor.text("/de/search?q=Kolloquium")
    assert f"Das sind die ersten {HITS_MAX}; es gibt mehr." in text


def test_the_last_cluster_is_reached_page_by_page(
    auditor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lists, "PAGE_ITEMS", 1)
    page = auditor.get("/de/clusters?as_of=2019-01-01")[2]
    assert "Cluster am 1. Januar 2019: 2" in page, "how many there are, not how many are shown"
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following is not None
    assert "/de/clusters/rail" in auditor.get(following[1].replace("&amp;", "&"))[2]


def test_activities_are_filtered_by_day_in_the_form(auditor: Browser) -> None:
    page = auditor.get("/de/activities?from=2019-01-01&to=2019-12-31")[2]
    assert 'name="from" type="date" value="2019-01-01"' in page
    assert 'name="to" type="date" value="2019-12-31"' in page
    assert "Messe für Öle" in page
    assert "Gespräch" not in page


def test_a_list_that_is_cut_says_so(auditor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Hier stehen höchstens" not in auditor.text(f"/de/organisations/{FIRM}")
    monkeypatch.setattr(organisations, "_RELATED", 1)
    assert "Hier stehen höchstens 1." in auditor.text(f"/de/organisations/{FIRM}")
