"""The trail on pages, one fact, and corrections that are shown before they are recorded."""

from __future__ import annotations

import csv
import io
import re

import orjson
import pytest

from api.pages import trail
from tests.api.programme import FAIR, FIRM, UNI, Programme, of
from tests.pages.browser import Browser


@pytest.fixture(scope="module")
def office(programme: Programme) -> Browser:
    """The office of the cluster `bio`."""
    browser = Browser(programme.service)
    key, _ = programme.service.key(
        "trail:read", "organisations:write", clusters=["bio"], sources=["//bio.example/office"]
    )
    browser.sign_in(key)
    return browser


@pytest.fixture(scope="module")
def auditor(programme: Programme) -> Browser:
    browser = Browser(programme.service)
    browser.sign_in(programme.service.key("trail:read")[0])
    return browser


def recorded(programme: Programme, topic: str, data: dict[str, object]) -> int:
    """A fact's position, once the read models know it."""
    programme.admin.post((topic, data))
    programme.list("clusters", min_position=programme.service.position)
    return programme.service.position


def head(programme: Programme) -> int:
    """The last position, also of what pages recorded."""
    return int(programme.auditor.read("/v1/facts", {"limit": 1})["items"][0]["position"])


def fields(page: str) -> dict[str, str]:
    """What the form holds, as a browser would send it."""
    given = dict(re.findall(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"', page))
    selects = re.findall(r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', page, re.DOTALL)
    for name, inner in selects:
        chosen = re.search(r'value="([^"]*)" selected', inner)
        given[name] = chosen[1] if chosen else ""
    return {n: v for n, v in given.items() if n not in {"what", "action"}}


def test_the_trail_filters_by_type_cluster_and_what_it_names(auditor: Browser) -> None:
    page = auditor.get("/de/trail.json?type=membership.admitted.v1&cluster=bio")[2]
    assert {item["type"] for item in orjson.loads(page)["items"]} == {"membership.admitted.v1"}
    named = orjson.loads(auditor.get(f"/de/trail.json?entity={FIRM}")[2])["items"]
    assert {item["type"] for item in named} >= {
        "organisation.registered.v1",
        "organisation.merged.v1",
    }
    assert auditor.get("/de/trail?entity=nobody")[0] == 400
    assert auditor.get("/de/trail?from=yesterday")[0] == 400


def test_the_trail_pages_back_to_the_first_fact(auditor: Browser) -> None:
    seen: list[int] = []
    path = "/de/trail.json"
    while True:
        got = orjson.loads(auditor.get(path)[2])
        seen += [item["position"] for item in got["items"]]
        if got["next"] is None:
            break
        path = f"/de/trail.json?cursor={got['next']}"
    assert seen == list(range(seen[0], 0, -1))


def test_a_fact_shows_its_bytes_and_receipt(auditor: Browser) -> None:
    text = auditor.text("/en/trail/1")
    assert "Cluster registered" in text
    assert "Leaf hash (SHA-256)" in text
    assert "&#34;position&#34;:1" in auditor.get("/en/trail/1")[2]
    assert auditor.get("/en/trail/999999")[0] == 404
    assert auditor.get("/en/trail/x")[0] == 404


def test_a_wrong_head_count_is_corrected_after_a_look(
    programme: Programme, auditor: Browser
) -> None:
    data = {"activity_id": FAIR, "count": 700, "scope": "total"}
    position = recorded(programme, "headcount.recorded.v1", data)
    admin = Browser(programme.service)
    admin.sign_in(programme.service.key("admin")[0])
    path = f"/de/trail/{position}/correct"
    form = fields(admin.get(path)[2]) | {
        "what": "correct",
        "reason": "typing error",
        "field-count": "70",
    }
    status, _, page = admin.post(path, form | {"action": "preview"})
    assert status == 200
    form["seen"] = fields(page)["seen"]
    assert "<bdi>700</bdi> → <strong><bdi>–</bdi></strong>" in page
    assert "<bdi>–</bdi> → <strong><bdi>70</bdi></strong>" in page
    unchanged = orjson.loads(auditor.get(f"/de/activities/{FAIR}.json")[2])
    assert unchanged["activity"]["total"] == 700, "a look records nothing"

    status, headers, _ = admin.post(path, form | {"action": "record"})
    assert status == 303
    corrected = orjson.loads(auditor.get(f"/de/activities/{FAIR}.json")[2])
    assert corrected["activity"]["total"] == 70
    fact = orjson.loads(auditor.get(headers["Location"] + ".json")[2])["detail"]
    assert [cause["type"] for cause in fact["causes"]] == ["fact.voided.v1"]

    again = admin.post(path, form | {"action": "record"})
    assert again[0] == 403, "it is voided already"


def test_only_what_was_previewed_is_recorded(programme: Programme) -> None:
    data = {"activity_id": FAIR, "count": 800, "scope": "unlisted"}
    path = f"/de/trail/{recorded(programme, 'headcount.recorded.v1', data)}/correct"
    admin = Browser(programme.service)
    admin.sign_in(programme.service.key("admin")[0])
    chosen = {"what": "correct", "reason": "typing error"}
    form = fields(admin.get(path)[2]) | chosen | {"field-count": "70"}
    previewed = admin.post(path, form | {"action": "preview"})[2]
    before = head(programme)

    other = fields(previewed) | chosen | {"field-count": "7000", "action": "record"}
    status, _, page = admin.post(path, other)
    assert status == 409
    assert "Noch nichts verbucht" in page
    assert "<bdi>–</bdi> → <strong><bdi>7.000</bdi></strong>" in page, (
        "what would be recorded is shown anew"
    )
    assert head(programme) == before

    recorded(programme, "headcount.recorded.v1", data | {"count": 801})
    overtaken = fields(previewed) | chosen | {"field-count": "70", "action": "record"}
    status, _, page = admin.post(path, overtaken)
    assert status == 409, "the ledger went on: the preview reads differently"

    agreed = fields(page) | chosen | {"action": "record"}
    assert admin.post(path, agreed)[0] == 303
    assert head(programme) == before + 3


def test_a_preview_names_the_figures_that_such_facts_stand_behind(programme: Programme) -> None:
    data = {"activity_id": FAIR, "count": 1, "scope": "total"}
    path = f"/de/trail/{recorded(programme, 'headcount.recorded.v1', data)}/correct"
    admin = Browser(programme.service)
    admin.sign_in(programme.service.key("admin")[0])
    form = fields(admin.get(path)[2]) | {"what": "void", "reason": "x", "action": "preview"}
    page = admin.post(path, form)[2]
    assert 'href="/de/method/coverage"' in page
    assert 'href="/de/method/members"' not in page


def test_what_the_rules_refuse_is_told_and_nothing_is_recorded(
    programme: Programme, office: Browser
) -> None:
    first = orjson.loads(office.get("/de/trail.json?type=membership.admitted.v1&cluster=bio")[2])
    admitted = next(i for i in first["items"] if i["data"]["organisation_id"] == UNI)
    path = f"/de/trail/{admitted['position']}/correct"
    before = head(programme)
    form = fields(office.get(path)[2]) | {"what": "void", "reason": "x", "action": "preview"}
    form["seen"] = fields(office.post(path, form)[2])["seen"]
    status, _, page = office.post(path, form | {"action": "record"})
    assert status == 409
    assert "Ohne diesen Fakt verletzen andere Fakten eine Regel" in page
    assert head(programme) == before


def is_marked(page: str, field: str) -> bool:
    """Whether a field says that it is wrong, and where it is told why."""
    tag = re.search(rf'<[^>]*id="{field}"[^>]*>', page)
    assert tag is not None
    marked = 'aria-invalid="true" aria-describedby="mistake"' in tag[0]
    assert not marked or 'id="mistake"' in page
    return marked


def test_a_correction_needs_a_reason_and_readable_fields(
    programme: Programme, office: Browser
) -> None:
    data = of(FIRM, "bio", effective_on="2019-01-01")
    position = recorded(programme, "membership.applied.v1", data)
    path = f"/de/trail/{position}/correct"
    admin = Browser(programme.service)
    admin.sign_in(programme.service.key("admin")[0])
    form = fields(admin.get(path)[2])
    without = admin.post(path, form | {"what": "void", "action": "preview"})
    assert without[0] == 422
    assert "Ein Grund fehlt" in without[2]
    assert is_marked(without[2], "reason")
    wrong = form | {
        "what": "correct",
        "reason": "x",
        "field-effective_on": "31.12.2019",
        "action": "preview",
    }
    status, _, page = admin.post(path, wrong)
    assert status == 422
    assert "gültig ab: Ein Tag wird 2026-11-22 geschrieben." in page
    assert is_marked(page, "field-effective_on")
    assert not is_marked(page, "reason")
    absent = admin.post(path, wrong | {"field-effective_on": ""})[2]
    assert is_marked(absent, "field-effective_on"), "left out, it is missed"


def test_a_void_and_what_it_voids_lead_to_each_other(auditor: Browser) -> None:
    data = orjson.loads(auditor.get("/de/trail.json?type=fact.voided.v1")[2])
    void = data["items"][0]["position"]
    page = orjson.loads(auditor.get(f"/de/trail/{void}.json")[2])
    target = page["voids"][0]["position"]
    assert f'href="/de/trail/{target}"' in auditor.get(f"/de/trail/{void}")[2]
    assert f'href="/de/trail/{void}"' in auditor.get(f"/de/trail/{target}")[2]


def test_a_facts_csv_has_it_with_what_is_around_it(auditor: Browser) -> None:
    data = orjson.loads(auditor.get("/de/trail.json?type=fact.voided.v1")[2])
    void = data["items"][0]["position"]
    rows = list(csv.DictReader(io.StringIO(auditor.get(f"/de/trail/{void}.csv")[2])))
    assert [row["relation"] for row in rows][:2] == ["fact", "voids"]
    assert rows[0]["position"] == str(void)
    assert rows[1]["voided_by"] == str(void)


def test_neighbours_end_at_the_cut_and_at_what_a_key_covers(
    auditor: Browser, office: Browser
) -> None:
    assert orjson.loads(auditor.get("/de/trail/5.json")[2])["next"] == 6
    assert orjson.loads(auditor.get("/de/trail/5.json?known_at=5")[2])["next"] is None
    at, seen = 13, 0
    while at is not None:  # every neighbour an office is offered is there for it
        status, _, page = office.get(f"/de/trail/{at}.json")
        assert status == 200
        at, seen = orjson.loads(page)["next"], seen + 1
    assert seen > 3


def test_a_fact_calls_what_it_names_by_name_and_days_by_the_calendar(auditor: Browser) -> None:
    data = orjson.loads(auditor.get("/de/trail.json?type=organisation.merged.v1")[2])
    text = auditor.text(f"/de/trail/{data['items'][0]['position']}")
    said = text.partition("Was er sagt")[2].partition("Quittung")[0]
    assert "geht auf in Großbau SE" in said
    assert "gültig ab 1. Januar 2020" in said
    assert FIRM not in said


def test_a_csv_lists_all_that_match_and_not_a_page(
    auditor: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail, "PIECE_ITEMS", 7)
    monkeypatch.setattr(trail, "_ITEMS", 10)
    page = orjson.loads(auditor.get("/de/trail.json?from=2020-01-01")[2])
    rows = list(csv.DictReader(io.StringIO(auditor.get("/de/trail.csv?from=2020-01-01")[2])))
    positions = [int(row["position"]) for row in rows]
    assert len(page["items"]) == 10
    assert positions == list(range(positions[0], 0, -1))
    some = auditor.get("/de/trail.csv?type=membership.&known_at=20")[2]
    kept = list(csv.DictReader(io.StringIO(some)))
    assert {row["type"].partition(".")[0] for row in kept} == {"membership"}
    assert max(int(row["position"]) for row in kept) <= 20


def test_the_trails_leaves_have_the_pages_filter_and_cut(auditor: Browser) -> None:
    asked = "type=membership.&known_at=20"
    link = f'href="/de/trail.ndjson?{asked.replace("&", "&amp;")}"'
    assert link in auditor.get(f"/de/trail?{asked}")[2]
    *leaves, last = auditor.get(f"/de/trail.ndjson?{asked}")[2].splitlines()
    told = list(csv.DictReader(io.StringIO(auditor.get(f"/de/trail.csv?{asked}")[2])))
    positions = [orjson.loads(leaf)["position"] for leaf in leaves]
    assert positions == sorted(int(row["position"]) for row in told)
    assert orjson.loads(last)["count"] == len(leaves)


def test_the_live_stream_has_the_pages_filters_and_none_where_nothing_new_can_match(
    auditor: Browser,
) -> None:
    page = auditor.get(f"/de/trail?type=membership.ended.v1&cluster=bio&entity={FIRM}")[2]
    live = re.search(r'data-live="([^"]+)"', page)
    assert live is not None
    for part in ("type=membership.ended.v1", "cluster=bio", f"entity={FIRM}", "after="):
        assert part in live[1]
    assert "data-live" not in auditor.get("/de/trail?known_at=5")[2]


def test_an_auditor_is_offered_no_correction(auditor: Browser) -> None:
    assert "Aufheben oder berichtigen" not in auditor.text("/de/trail/5")
    assert auditor.get("/de/trail/5/correct")[0] == 403


def test_a_session_follows_new_facts_live(programme: Programme, auditor: Browser) -> None:
    import aiohttp

    async def follow() -> bytes:
        async with aiohttp.ClientSession(cookies=auditor.cookies) as session:
            url = programme.service.base + "/v1/facts/live?after=1"
            async with session.get(url) as stream:
                assert stream.status == 200
                while line := await stream.content.readline():
                    if line.startswith(b"data:"):
                        return line
        return b""

    assert b'"position":2' in programme.service.client_loop.run(follow())
