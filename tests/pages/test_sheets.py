"""What every page does: forms of the same data, the two times, sessions, problems as pages."""

from __future__ import annotations

import csv
import io
from typing import Any

import orjson
import pytest

from api.sessions import COOKIE, LASTS_S, Sessions
from tests.api.running import Service
from tests.pages.browser import Browser


@pytest.fixture(scope="module")
def service(shared_service: Service) -> Service:
    admin = shared_service.client("admin")
    for code, name in (("energy", "=Energie"), ("bio", "<b>Bio</b>")):
        data = {"cluster": code, "name": name, "effective_on": "2020-01-01"}
        admin.post(("cluster.registered.v1", data))
    state = next(v for k, v in shared_service.app_runner.app.items() if "state" in str(k))
    reached = state.progress.reach(shared_service.position, 10)
    assert shared_service.service_loop.run(reached)
    return shared_service


@pytest.fixture
def browser(service: Service) -> Browser:
    return Browser(service)


@pytest.fixture
def signed_in(service: Service, browser: Browser) -> Browser:
    browser.sign_in(service.key("trail:read")[0])
    return browser


def test_a_page_that_needs_a_key_leads_to_signing_in_and_back(
    service: Service, browser: Browser
) -> None:
    status, headers, _ = browser.get("/en/clusters?as_of=2021-01-01")
    assert (status, headers["Location"]) == (
        303,
        "/en/sign-in?next=%2Fen%2Fclusters%3Fas_of%3D2021-01-01",
    )
    fields = {"key": service.key("trail:read")[0], "next": "/en/clusters?as_of=2021-01-01"}
    status, headers, _ = browser.post("/en/sign-in", fields)
    assert (status, headers["Location"]) == (303, "/en/clusters?as_of=2021-01-01")
    assert browser.get("/en/clusters?as_of=2021-01-01")[0] == 200


def test_the_session_cookie_is_out_of_scripts_reach(service: Service, browser: Browser) -> None:
    _, headers, _ = browser.post("/de/sign-in", {"key": service.key("trail:read")[0]})
    cookie = headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.mark.parametrize(
    "following", ["//evil.example", "https://evil.example", "/de\\evil", "/v1"]
)
def test_signing_in_never_leads_elsewhere(
    service: Service, browser: Browser, following: str
) -> None:
    fields = {"key": service.key("trail:read")[0], "next": following}
    assert browser.post("/de/sign-in", fields)[1]["Location"] == "/de"


def test_an_unknown_key_is_told_so_and_begins_no_session(browser: Browser) -> None:
    status, headers, text = browser.post("/de/sign-in", {"key": "clk_nobody"})
    assert status == 422
    assert "Set-Cookie" not in headers
    assert "unbekannt, abgelaufen oder gesperrt" in text


def test_a_revoked_key_ends_its_session(service: Service) -> None:
    from api import auth
    from ledger.store.database import WRITER, connect

    browser = Browser(service)
    key, key_id = service.key("trail:read")
    state = next(v for k, v in service.app_runner.app.items() if "state" in str(k))
    browser.post("/de/sign-in", {"key": key})
    assert browser.get("/de/clusters")[0] == 200, "the control: it held"
    with connect(service.url, WRITER, autocommit=True) as conn:
        auth.revoke_key(conn, key_id)
    state.keys._seen.clear()  # what would be forgotten after five seconds
    assert browser.get("/de/clusters")[0] == 303


def test_signing_out_ends_the_session(signed_in: Browser) -> None:
    text = signed_in.get("/de/clusters")[2]
    csrf = text.split('name="csrf" value="')[1].split('"')[0]
    assert signed_in.post("/de/sign-out", {"csrf": csrf})[0] == 303
    assert signed_in.cookies[COOKIE] == ""


@pytest.mark.parametrize("csrf", ["", "guessed"])
def test_a_form_of_another_session_is_refused(signed_in: Browser, csrf: str) -> None:
    status, _, text = signed_in.post("/de/sign-out", {"csrf": csrf})
    assert status == 403
    assert "cross_origin" in text


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"}]
)
def test_a_form_from_another_site_is_refused(
    service: Service, browser: Browser, headers: dict[str, str]
) -> None:
    fields = {"key": service.key("trail:read")[0]}
    status, answer, _ = browser.post("/de/sign-in", fields, **headers)
    assert status == 403
    assert "Set-Cookie" not in answer


def test_a_page_is_json_under_its_suffix_and_by_accept(signed_in: Browser) -> None:
    by_suffix = signed_in.get("/de/clusters.json")[2]
    by_header = signed_in.get("/de/clusters", Accept="application/json")[2]
    assert by_suffix == by_header
    assert {item["cluster"] for item in orjson.loads(by_suffix)["items"]} == {"energy", "bio"}


def test_a_list_is_csv_with_formulas_defused(signed_in: Browser) -> None:
    rows = list(csv.DictReader(io.StringIO(signed_in.get("/de/clusters.csv")[2], newline="")))
    assert [(row["cluster"], row["name"]) for row in rows] == [
        ("bio", "<b>Bio</b>"),
        ("energy", "'=Energie"),
    ]


def test_names_show_as_text(signed_in: Browser) -> None:
    text = signed_in.get("/de/clusters")[2]
    assert "<b>Bio" not in text
    assert "&lt;b&gt;Bio&lt;/b&gt;" in text


def test_links_carry_the_two_times(signed_in: Browser) -> None:
    text = signed_in.get("/de/clusters?as_of=2021-01-01&known_at=1")[2]
    assert 'href="/de/organisations?as_of=2021-01-01&amp;known_at=1"' in text
    assert "1. Januar 2021" in text


def test_as_known_before_there_is_nothing_and_the_page_says_so(signed_in: Browser) -> None:
    text = signed_in.get("/de/clusters?known_at=0")[2]
    assert "Keine Cluster an diesem Tag und Stand." in text


@pytest.mark.parametrize(
    ("path", "status", "words"),
    [
        ("/de/clusters?as_of=yesterday", 400, "nicht lesbar"),
        ("/en/clusters?known_at=999999", 422, "known_at_in_future"),
        ("/de/nowhere", 404, "Das gibt es hier nicht"),
        ("/en/clusters?colour=red", 400, "cannot be read"),
    ],
)
def test_what_is_wrong_is_said_on_a_page(
    signed_in: Browser, path: str, status: int, words: str
) -> None:
    got, headers, text = signed_in.get(path)
    assert got == status
    assert headers["Content-Type"].startswith("text/html")
    assert words in text


def test_a_machine_gets_the_problem_as_json(service: Service) -> None:
    answer = service.public().get("/de/clusters", headers={"Accept": "application/json"})
    assert (answer.status, answer.code) == (401, "unauthenticated")


def test_a_forged_or_old_session_is_none() -> None:
    now = 1_000.0
    sessions = Sessions("secret", lambda: now)
    cookie = sessions.begin(b"\x01" * 32)
    session = sessions.read(cookie)
    assert session is not None, "the control: it is read back"
    assert session.digest == b"\x01" * 32
    assert Sessions("other", lambda: now).read(cookie) is None
    assert Sessions("secret", lambda: now + LASTS_S).read(cookie) is None
    payload, _, mac = cookie.partition(".")
    changed: Any = ("A" if payload[5] != "A" else "B").join((payload[:5], payload[6:]))
    for mangled in (f"{changed}.{mac}", payload, "", "x.y", "ü.ü", cookie[:-2]):
        assert sessions.read(mangled) is None
