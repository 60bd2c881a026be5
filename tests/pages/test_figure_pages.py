"""The overview at a cut, the facts behind its numbers, a figure by year and cluster, reports."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import orjson
import pytest

from tests.api.programme import TALK, UNI, Programme
from tests.api.running import SOURCE, Service
from tests.pages.browser import Browser


@pytest.fixture(scope="module")
def public(programme: Programme) -> Browser:
    return Browser(programme.service)


@pytest.fixture(scope="module")
def auditor(programme: Programme) -> Browser:
    return signed_in(programme, "trail:read", "figures:read")


def signed_in(programme: Programme, *scopes: str) -> Browser:
    browser = Browser(programme.service)
    browser.sign_in(programme.service.key(*scopes)[0])
    return browser


def json(browser: Browser, path: str) -> Any:
    status, _, body = browser.get(path)
    assert status == 200, body
    return orjson.loads(body)


def test_the_overview_is_counted_at_the_chosen_day_and_position(
    auditor: Browser, programme: Programme
) -> None:
    now = json(auditor, "/en/overview.json")
    then = json(auditor, "/en/overview.json?as_of=2015-12-31&known_at=10")
    assert now["position"] == programme.before_twins + 1
    assert now["report"]["period"]["to"] == f"{date.today().year - 1}-12-31"  # noqa: DTZ011
    assert then["position"] == then["report"]["known_at"] == 10
    assert then["report"]["period"]["to"] == "2015-12-31", "a year is over by its last day"
    page = auditor.get("/en?as_of=2015-12-31&known_at=10")[2]
    assert 'id="cut-position"' in page
    assert "31 December 2015" in page


@pytest.mark.parametrize(
    ("day", "status"), [("0001-01-01", 200), ("2900-01-01", 422), ("9999-12-31", 422)]
)
def test_an_overview_of_a_day_far_off_is_empty_or_refused(
    auditor: Browser, day: str, status: int
) -> None:
    assert auditor.get(f"/de?as_of={day}")[0] == status


def test_the_public_sees_the_newest_overview_and_is_told_so(public: Browser) -> None:
    assert json(public, "/en/overview.json?known_at=10") == json(public, "/en/overview.json")
    text = public.text("/en?known_at=10")
    assert "Public is the newest state over whole years" in text
    assert "does not apply on this page" in text
    assert "does not apply" not in public.text("/en"), "the control: nothing was chosen"


def test_a_headline_leads_to_its_facts_for_whoever_may_read_them(
    auditor: Browser, public: Browser
) -> None:
    link = re.search(r'href="(/en/figures/activities@[^"]+)"', auditor.get("/en")[2])
    assert link is not None
    text = auditor.text(link[1].replace("&amp;", "&"))
    assert "Facts behind: Activities" in text
    assert "Messe für Öle" in text
    assert "/figures/" not in public.get("/en")[2]
    status, headers, _ = public.get("/en/figures/activities/facts")
    assert (status, headers["Location"][:12]) == (303, "/en/sign-in?")


def test_the_facts_behind_a_figure_lead_to_the_trail(auditor: Browser) -> None:
    found = json(auditor, "/de/figures/participations/facts.json?to=2020-12-31")
    assert found["numbers"] == {"value": 1}
    types = {fact["type"] for fact in found["facts"]["items"]}
    assert "attendance.recorded.v1" in types
    page = auditor.get("/de/figures/participations/facts?to=2020-12-31")[2]
    for fact in found["facts"]["items"]:
        assert f'href="/de/trail/{fact["position"]}"' in page


@pytest.mark.parametrize(
    ("figure", "to", "by", "key", "row"),
    [
        ("members", 2014, "nuts3", "DE212", "München, Kreisfreie Stadt"),
        ("members", 2014, "kind", "university", "Hochschulen"),
        ("participations", 2019, "cluster", "bio", "Bio"),
        ("participations", 2019, "year", "2019", "2019"),
    ],
)
def test_one_cell_has_its_own_number_and_facts_as_the_api_has_them(
    auditor: Browser, programme: Programme, figure: str, to: int, by: str, key: str, row: str
) -> None:
    asked = f"to={to}-12-31&by={by}&key={key}"
    found = json(auditor, f"/de/figures/{figure}/facts.json?{asked}")
    reader = programme.service.client("figures:read", "trail:read")
    table = reader.read(f"/v1/figures/{figure}?to={to}-12-31&by={by}")["rows"]
    assert found["numbers"]["value"] == next(r["value"] for r in table if r["key"] == key)
    told = reader.read(f"/v1/figures/{figure}/facts?{asked}")
    assert found["facts"]["items"] == told["items"]
    text = auditor.text(f"/de/figures/{figure}/facts?{asked}")
    assert f" {row} " in text


def test_a_report_leads_from_each_region_and_kind_to_its_facts(auditor: Browser) -> None:
    page = auditor.get("/de/reports/preview?report=sme_rural_region_kind&to=2014-12-31")[2]
    for by, key in (("nuts3", "DE212"), ("kind", "university"), ("nuts2", "DE21")):
        assert f"by={by}&amp;key={key}" in page
    link = re.search(r'href="(/de/figures/[^"]+by=nuts3&amp;key=DE212)" tabindex="-1"', page)
    assert link is not None, "the map leads there too, for a pointer"
    assert auditor.get(link[1].replace("&amp;", "&"))[0] == 200


def test_what_almost_counted_stands_below_with_its_rule(auditor: Browser) -> None:
    text = auditor.text("/de/figures/participations/facts?to=2020-12-31")
    _, _, almost = text.partition("Was beinahe gezählt hätte")
    assert "Angemeldet, aber nicht als teilnehmend erfasst" in almost
    assert "Anmeldung, Messe für Öle" in almost
    assert "Keine Regel schließt hier etwas aus" in auditor.text(
        "/de/figures/participations/facts?to=2011-12-31"
    )


def test_a_key_that_reads_figures_alone_sees_positions_and_no_names(programme: Programme) -> None:
    ministry = signed_in(programme, "figures:read")
    status, _, page = ministry.get("/de/figures/members/facts?to=2014-12-31")
    assert status == 200
    assert "als Mitglied aufgenommen" in page
    assert "Technische Universität" not in page
    assert "/de/trail/" not in page


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("figures/nothing/facts", 404),
        ("figures/grant_cents/clusters", 404),
        ("figures/activities/facts?cluster=nothing", 422),
        ("figures/activities/facts?from=2020-01-01&to=2019-01-01", 422),
        ("figures/activities/facts?cursor=nonsense", 400),
        ("figures/activities/facts?to=yesterday", 400),
        ("figures/members/facts?by=kind&key=nothing", 422),
        ("figures/members/facts?by=kind", 422),
        ("figures/members/facts?key=company", 422),
    ],
)
def test_a_question_that_is_none_is_refused(auditor: Browser, path: str, status: int) -> None:
    assert auditor.get(f"/de/{path}")[0] == status


def test_a_figure_by_year_and_cluster_adds_up_to_the_programme(auditor: Browser) -> None:
    table = json(auditor, "/en/figures/activities/clusters.json?as_of=2020-12-31")
    year = [column["id"] for column in table["columns"]].index("2019")
    rows = {row[0]: row[year] for row in table["rows"]}
    assert rows == {"bio": 1, "rail": 1}, "the fair is of both"
    assert sum(rows.values()) + table["adjustment"][year] == table["total"][year] == 1
    text = auditor.text("/en/figures/activities/clusters?as_of=2020-12-31")
    assert "Joint adjustment" in text
    assert "Bahn: Activities" in text, "a drawing under the cluster's name of the day"


def test_a_report_names_clusters_and_regions_and_shows_the_adjustment(auditor: Browser) -> None:
    text = auditor.text("/de/reports/preview?report=cluster_table&to=2020-12-31")
    assert re.search(r"Bahn 1\D", text)
    assert "Bereinigung um Gemeinsames" in text
    regions = auditor.text("/de/reports/preview?report=sme_rural_region_kind&to=2014-12-31")
    assert "Oberbayern" in regions
    assert "München, Kreisfreie Stadt" in regions
    assert "DE21" not in regions


def file(auditor: Browser, programme: Programme, id: str, **asked: Any) -> int:
    client = programme.service.client("reports:file", "figures:read", "trail:read")
    period = {"from": "2012-01-01", "to": "2019-12-31"}
    body = {"id": id, "source": SOURCE, "report": "cluster_table", "period": period} | asked
    answer = client.ask("POST", "/v1/reports", body=body)
    assert answer.status == 201, answer.body
    position = int(answer.json()["receipt"]["position"])
    client.read("/v1/reports", {"min_position": position})
    return position


def test_a_filed_report_says_the_position_it_was_computed_at(
    auditor: Browser, programme: Programme
) -> None:
    filed = file(auditor, programme, "stand", known_at=15)
    _, headers, page = auditor.get(f"/de/reports/{filed}")
    assert headers["Ledger-Position"] == "15"
    assert "Stand: Position 15," in page
    assert "bleibt bei dem Stand, an dem er berechnet wurde: Position 15" in page


def test_two_filings_are_compared_on_a_page_in_names(
    auditor: Browser, programme: Programme
) -> None:
    before = file(auditor, programme, "a", known_at=15)
    after = file(auditor, programme, "b", known_at=programme.before_twins)
    path = f"/de/reports/{before}/restatement/{after}"
    assert f'href="{path}"' in auditor.get(f"/de/reports/{before}")[2]
    text = auditor.text(path)
    assert "Abgelegt nach den Fakten bis Position 15, verglichen mit denen bis" in text
    assert "Cluster: Bahn, Sicht „beteiligt“" in text
    assert "Cluster: Bio, Sicht „federführend“" in text
    page = auditor.get(path)[2]
    lines = re.findall(r"<tr class=.*?</tr>", page, re.DOTALL)
    named = [re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", line)) for line in lines]
    assert len({*named}) == len(named), "no two lines are alike"
    for known_at, column in ((15, 0), (programme.before_twins, 1)):
        links = re.findall(rf'href="(/de/figures/[^"]+known_at={known_at}[^"]*)">([\d.]+)<', page)
        assert links, column
        for link, value in links[:3]:
            address = link.replace("&amp;", "&").replace("/facts", "/facts.json")
            assert json(auditor, address)["numbers"]["value"] == int(value)
    assert "Teilnahmen" in text
    assert "participations" not in re.sub(r'href="[^"]+"', "", page)


def test_a_report_of_one_cluster_is_chosen_on_the_preview_and_filed_as_it_is(
    programme: Programme,
) -> None:
    ministry = signed_in(programme, "figures:read", "reports:file", "trail:read")
    path = "/de/reports/preview?report=cumulative_headline&to=2019-12-31&cluster=bio"
    page = ministry.get(path)[2]
    assert '<option value="bio" selected>Bio</option>' in page
    form = page.partition('action="/de/reports"')[2].partition("</form>")[0]
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
    status, headers, _ = ministry.post("/de/reports", fields)
    assert status == 303
    filed = json(ministry, headers["Location"] + ".json")
    assert filed["filed"]["parameters"] == {"cluster": "bio"}
    assert "Nur für den Cluster Bio" in ministry.text(headers["Location"])
    whole = ministry.get("/de/reports/preview?report=cluster_table&to=2019-12-31")[2]
    assert 'id="narrow"' not in whole, "a report of all clusters has nothing to choose"


def test_a_preview_names_open_imports_and_files_over_them_on_purpose_only(
    service: Service,
) -> None:
    programme = Programme(service)
    data = {"activity_id": TALK, "held_on": "2019-06-03"}
    listed = {"activity_id": TALK, "sha256": "ab" * 32, "rows": 9, "complete": True}
    programme.admin.post(("activity.held.v1", data), ("attendance_list.imported.v1", listed))
    programme.admin.read("/v1/reports")
    ministry = signed_in(programme, "figures:read", "reports:file", "trail:read")
    path = "reports/preview?report=cumulative_headline&from=2019-06-01&to=2019-06-30"
    page = ministry.get(f"/de/{path}")[2]
    assert "Gespräch</a>, 3. Juni 2019: 0 von 9 Zeilen" in page
    assert "0 of 9 rows" in ministry.get(f"/en/{path}")[2]
    form = page.partition('action="/de/reports"')[2].partition("</form>")[0]
    fields = dict(re.findall(r'name="([^"]+)" value="([^"]*)"', form))
    assert fields.pop("open_imports") == "accepted"
    status, _, problem = ministry.post("/de/reports", fields)
    assert status == 409
    assert "0/9 Gespräch" in problem
    status, headers, _ = ministry.post("/de/reports", fields | {"open_imports": "accepted"})
    assert status == 303
    assert "noch nicht vollständig eingetroffen waren" in ministry.text(headers["Location"])


def test_an_organisation_stands_under_its_regions_name(auditor: Browser) -> None:
    text = auditor.text(f"/de/organisations/{UNI}?as_of=2014-06-01")
    assert "München, Kreisfreie Stadt (DE212)" in text


def test_facts_behind_are_paged(auditor: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.pages.one_figure._STREAMS", 1)
    page = "/de/figures/membership_pairs/facts.json?as_of=2013-01-01"
    first = json(auditor, page)["facts"]
    second = json(auditor, f"{page}&cursor={first['next']}")["facts"]
    assert first["items"][0]["position"] != second["items"][0]["position"]
    assert (
        f"cursor={first['next'].replace('/', '%2F')}" in auditor.get(page.replace(".json", ""))[2]
    )
