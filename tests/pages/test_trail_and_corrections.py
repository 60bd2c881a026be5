"""The trail on pages, one fact, and corrections that are shown before they are recorded."""

from __future__ import annotations

import re

import orjson
import pytest

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
    assert "700 → <strong>–</strong>" in page
    assert "– → <strong>70</strong>" in page
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


def test_what_the_rules_refuse_is_told_and_nothing_is_recorded(
    programme: Programme, office: Browser
) -> None:
    first = orjson.loads(office.get("/de/trail.json?type=membership.admitted.v1&cluster=bio")[2])
    admitted = next(i for i in first["items"] if i["data"]["organisation_id"] == UNI)
    path = f"/de/trail/{admitted['position']}/correct"
    before = programme.service.position
    form = fields(office.get(path)[2]) | {"what": "void", "reason": "x", "action": "record"}
    status, _, page = office.post(path, form)
    assert status in {403, 409, 422}
    assert 'role="alert"' in page
    assert programme.service.position == before


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
    assert "reason" in without[2]
    wrong = form | {
        "what": "correct",
        "reason": "x",
        "field-effective_on": "31.12.2019",
        "action": "preview",
    }
    status, _, page = admin.post(path, wrong)
    assert status == 422
    assert "effective_on" in page


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
