"""Signing in with an identity provider: who gets in as whom, and whoever must not get in."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import orjson
import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey, RSAKey
from joserfc.util import to_bytes

from api.sessions import AWAY_COOKIE, COOKIE
from api.settings import InvalidSetting, Settings, from_environment
from api.state import STATE
from tests.api.running import Client, Service
from tests.conftest import FreshDatabase
from tests.pages.browser import Browser
from tests.pages.provider import (
    AUDIENCE,
    CLIENT_ID,
    CLIENT_SECRET,
    Claims,
    IdentityProvider,
    asked_of,
    unsigned,
)


@pytest.fixture(scope="module")
def running() -> Iterator[IdentityProvider]:
    with IdentityProvider() as provider:
        yield provider


@pytest.fixture(scope="module")
def service(fresh_database: FreshDatabase, running: IdentityProvider) -> Iterator[Service]:
    settings = Settings(
        rate_limit=0,
        public_rate_limit=0,
        public_url="http://ledger.example",
        oidc_issuer=running.issuer,
        oidc_client_id=CLIENT_ID,
        oidc_client_secret=CLIENT_SECRET,
        oidc_audience=AUDIENCE,
    )
    with fresh_database() as url, Service(url, settings) as service:
        admin = service.client("admin")
        for code in ("rail", "bio"):
            data = {"cluster": code, "name": code.title(), "effective_on": "2020-01-01"}
            admin.post(("cluster.registered.v1", data))
        admin.read("/v1/clusters")
        service.app_runner.app[STATE].provider.refetch_s = 0  # type: ignore[union-attr]  # it is set
        yield service


@pytest.fixture
def provider(running: IdentityProvider) -> IdentityProvider:
    """As if it had just been started, with somebody new at its door."""
    running.subject = f"someone-{time.monotonic_ns()}"
    running.claims = {"roles": ["auditor"]}
    running.spoil = lambda claims: claims
    running.sign = running.signed
    return running


@pytest.fixture
def browser(service: Service) -> Browser:
    return Browser(service)


def back_from(browser: Browser, provider: IdentityProvider, following: str = "") -> str:
    """The path a browser is sent back to."""
    status, headers, _ = browser.get(f"/de/sign-in/provider?next={following}")
    assert status == 303
    return provider.consent(headers["Location"])


def signed_in(browser: Browser, provider: IdentityProvider, following: str = "") -> str:
    """Where signing in leads."""
    status, headers, _ = browser.get(back_from(browser, provider, following))
    assert status == 303
    return headers["Location"]


def test_signing_in_leads_back_to_the_page_that_asked(
    browser: Browser, provider: IdentityProvider
) -> None:
    assert browser.get("/de/clusters")[0] == 303, "the control: nobody yet"
    assert signed_in(browser, provider, "%2Fde%2Fclusters") == "/de/clusters"
    assert "Prüfung" in browser.text("/de/clusters")


def test_the_provider_is_told_what_binds_the_answer_to_this_browser(
    browser: Browser, provider: IdentityProvider
) -> None:
    _, headers, _ = browser.get("/en/sign-in/provider")
    asked = asked_of(headers["Location"])
    assert asked["redirect_uri"] == "http://ledger.example/sign-in/callback"
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    cookie = headers["Set-Cookie"]
    assert cookie.startswith(AWAY_COOKIE)
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie
    assert asked["state"] not in cookie


@pytest.mark.parametrize(
    ("roles", "page", "role"),
    [
        (["ministry"], "/de/method", "Ministerium"),
        (["auditor"], "/de/trail", "Prüfung"),
        (["office:rail"], "/de/clusters", "Clustergeschäftsstelle"),
        (["operator"], "/de/operations", "Betrieb"),
        ("auditor", "/de/trail", "Prüfung"),
    ],
)
def test_a_role_opens_its_pages(
    browser: Browser, provider: IdentityProvider, roles: Any, page: str, role: str
) -> None:
    provider.claims = {"roles": roles}
    signed_in(browser, provider)
    assert f'/sign-in">{role}' in browser.get(page)[2]


def test_the_ministry_reads_no_trail(browser: Browser, provider: IdentityProvider) -> None:
    provider.claims = {"roles": ["ministry"]}
    signed_in(browser, provider)
    assert browser.get("/de/trail")[0] == 403


@pytest.mark.parametrize(
    "roles", [[], ["cleaner"], "office:", ["office:RAIL"], None, {"a": 1}, [7]]
)
def test_somebody_without_a_role_is_told_so_and_not_kept(
    service: Service, browser: Browser, provider: IdentityProvider, roles: Any
) -> None:
    provider.claims = {"roles": roles}
    where = signed_in(browser, provider)
    assert "keine Rolle in diesem Buch" in browser.text(where)
    assert not browser.cookies.get(COOKIE)
    with psycopg.connect(service.url) as conn:
        row = conn.execute("SELECT count(*) FROM ledger.app_user WHERE roles = '{}'").fetchone()
    assert row == (0,)


def test_who_lost_their_role_is_out_at_their_next_sign_in(
    service: Service, browser: Browser, provider: IdentityProvider
) -> None:
    signed_in(browser, provider)
    assert browser.get("/de/trail")[0] == 200, "the control: it held"
    provider.claims = {}
    signed_in(Browser(service), provider)
    service.app_runner.app[STATE].keys._seen.clear()  # what would be forgotten after five seconds
    assert browser.get("/de/trail")[0] == 303


def test_of_a_person_only_a_random_id_is_kept(
    service: Service, browser: Browser, provider: IdentityProvider
) -> None:
    provider.claims = {"roles": ["auditor"], "email": "erika@example.org", "name": "Erika Muster"}
    signed_in(browser, provider)
    with psycopg.connect(service.url) as conn:
        kept = conn.execute("SELECT string_agg(u::text, '') FROM ledger.app_user u").fetchone()
    assert kept is not None
    assert "rika" not in kept[0]
    assert provider.subject not in kept[0]


def expired(claims: Claims) -> Claims:
    return claims | {"exp": int(time.time()) - 60}


def not_yet(claims: Claims) -> Claims:
    return claims | {"nbf": int(time.time()) + 600}


def without(name: str) -> Callable[[Claims], Claims]:
    return lambda claims: {key: value for key, value in claims.items() if key != name}


def said(**claims: Any) -> Callable[[Claims], Claims]:
    return lambda before: before | claims


@pytest.mark.parametrize(
    "spoil",
    [
        said(aud="another"),
        said(aud=["ledger", "another"]),
        said(azp="another"),
        said(iss="https://evil.example"),
        said(nonce="another"),
        said(sub=""),
        said(sub=7),
        said(iat="yesterday"),
        expired,
        not_yet,
        *map(without, ("aud", "iss", "sub", "exp", "iat", "nonce")),
    ],
)
def test_a_token_that_does_not_hold_signs_nobody_in(
    browser: Browser, provider: IdentityProvider, spoil: Callable[[Claims], Claims]
) -> None:
    provider.spoil = spoil
    assert signed_in(browser, provider) == "/de/sign-in?refused=token"
    assert not browser.cookies.get(COOKIE)


def with_public_key_as_secret(provider: IdentityProvider) -> Callable[[Claims], str]:
    """HS256 with what everybody can read."""
    secret = OctKey.import_key(to_bytes(orjson.dumps(provider.keys[-1].as_dict(private=False))))
    return lambda claims: jwt.encode({"alg": "HS256", "kid": provider.keys[-1].kid}, claims, secret)


def with_another_key(provider: IdentityProvider) -> Callable[[Claims], str]:
    """The right key's name, and not the key."""
    key = RSAKey.generate_key(2048)
    return lambda claims: jwt.encode({"alg": "RS256", "kid": provider.keys[-1].kid}, claims, key)


def of_nobody(_: IdentityProvider) -> Callable[[Claims], str]:
    """A key that the provider never named."""
    key = RSAKey.generate_key(2048)
    return lambda claims: jwt.encode({"alg": "RS256", "kid": "unheard-of"}, claims, key)


@pytest.mark.parametrize(
    "sign",
    [
        lambda _: unsigned,
        with_public_key_as_secret,
        with_another_key,
        of_nobody,
        lambda _: lambda _: "no.token.at all",
        lambda _: lambda _: "x" * 20_000,
    ],
)
def test_a_token_with_another_signature_signs_nobody_in(
    browser: Browser, provider: IdentityProvider, sign: Any
) -> None:
    provider.sign = sign(provider)
    assert signed_in(browser, provider) == "/de/sign-in?refused=token"
    assert not browser.cookies.get(COOKIE)


def test_an_answer_holds_in_the_browser_that_asked_alone(
    service: Service, browser: Browser, provider: IdentityProvider
) -> None:
    theirs = back_from(browser, provider)
    victim = Browser(service)
    assert victim.get(theirs)[1]["Location"] == "/de/sign-in?refused=stale"
    victim.get("/de/sign-in/provider")
    assert victim.get(theirs)[1]["Location"] == "/de/sign-in?refused=stale"
    assert browser.get(theirs)[1]["Location"] == "/de", "the control: it is theirs"


def test_an_answer_holds_once(browser: Browser, provider: IdentityProvider) -> None:
    back = back_from(browser, provider)
    away = browser.cookies[AWAY_COOKIE]
    assert browser.get(back)[1]["Location"] == "/de"
    assert not browser.cookies[AWAY_COOKIE]
    assert browser.get(back)[1]["Location"] == "/de/sign-in?refused=stale"
    browser.cookies = {AWAY_COOKIE: away}
    assert browser.get(back)[1]["Location"] == "/de/sign-in?refused=token"


def test_an_answer_of_another_issuer_is_refused(
    browser: Browser, provider: IdentityProvider
) -> None:
    back = back_from(browser, provider) + "&iss=https%3A%2F%2Fevil.example"
    assert browser.get(back)[1]["Location"] == "/de/sign-in?refused=stale"


def test_who_declines_at_the_provider_is_told_so(
    browser: Browser, provider: IdentityProvider
) -> None:
    state = asked_of(back_from(browser, provider))["state"]
    _, headers, _ = browser.get(f"/sign-in/callback?error=access_denied&state={state}")
    assert "hat die Anmeldung abgelehnt" in browser.text(headers["Location"])


def test_a_new_key_of_the_provider_is_found(browser: Browser, provider: IdentityProvider) -> None:
    signed_in(browser, provider)
    provider.rotate(f"ec-{time.monotonic_ns()}")
    before = provider.asked.count("keys")
    assert signed_in(browser, provider) == "/de"
    assert provider.asked.count("keys") == before + 1
    assert signed_in(browser, provider) == "/de"
    assert provider.asked.count("keys") == before + 1, "known by now"


def test_an_operator_ends_a_persons_sessions(
    service: Service, browser: Browser, provider: IdentityProvider
) -> None:
    signed_in(browser, provider)
    operator = Browser(service)
    operator.sign_in(service.key("admin")[0])
    page = operator.get("/de/operations")[2]
    person = orjson.loads(operator.get("/de/operations.json")[2])["people"][0]["user_id"]
    assert person in page
    csrf = page.split('name="csrf" value="')[1].split('"')[0]
    assert operator.post("/de/operations/sign-out", {"csrf": csrf, "id": person})[0] == 303
    service.app_runner.app[STATE].keys._seen.clear()  # what would be forgotten after five seconds
    assert browser.get("/de/trail")[0] == 303


def test_signing_out_everywhere_ends_the_other_sessions(
    service: Service, browser: Browser, provider: IdentityProvider
) -> None:
    elsewhere = Browser(service)
    for one in (browser, elsewhere):
        signed_in(one, provider)
        assert one.get("/de/trail")[0] == 200
    csrf = browser.get("/de/sign-in")[2].split('name="csrf" value="')[1].split('"')[0]
    assert browser.post("/de/sign-out-everywhere", {"csrf": csrf})[0] == 303
    assert elsewhere.get("/de/trail")[0] == 303


OWN = "//clusterledger/office/rail"


def organisation(id: str) -> tuple[str, dict[str, str]]:
    """A company to register."""
    data = {"name": "Neu GmbH", "kind": "company", "effective_on": "2024-03-01"}
    return "organisation.registered.v1", data | {"organisation_id": id}


def test_what_an_office_records_bears_its_random_id_and_its_source(
    service: Service, provider: IdentityProvider
) -> None:
    provider.claims = {"roles": ["office:rail"]}
    office = Client(service, provider.token(aud=AUDIENCE))
    receipt = office.post(organisation("6f1c8a52-0b7d-4c39-9a55-0d1a5c9a7e11"), source=OWN)[0]
    fact = service.client("admin").read(f"/v1/facts/{receipt['position']}")
    actor = orjson.dumps(fact).decode()
    assert '"actor":"user:' in actor
    assert provider.subject not in actor


def test_an_office_records_for_no_other_cluster_and_under_no_other_source(
    service: Service, provider: IdentityProvider
) -> None:
    provider.claims = {"roles": ["office:rail"]}
    office = Client(service, provider.token(aud=AUDIENCE))
    id = "6f1c8a52-0b7d-4c39-9a55-0d1a5c9a7e12"
    office.post(organisation(id), source=OWN)

    def refused(cluster: str, source: str) -> str | None:
        data = {"organisation_id": id, "cluster": cluster, "effective_on": "2024-03-01"}
        event = service.event("membership.admitted.v1", data, source)
        headers = {"Content-Type": "application/cloudevents+json"}
        answer = office.ask("POST", "/v1/facts", headers=headers, body=event)
        return answer.code

    assert refused("bio", OWN) == "cluster_not_covered"
    assert refused("rail", "//clusterledger/office/bio") == "source_not_covered"
    assert refused("rail", OWN) is None, "the control: it may"


@pytest.mark.parametrize(
    "more",
    [{}, {"aud": "another"}, {"aud": AUDIENCE, "exp": 1}, {"aud": AUDIENCE, "roles": ["cleaner"]}],
)
def test_an_access_token_that_does_not_hold_is_no_key(
    service: Service, provider: IdentityProvider, more: dict[str, Any]
) -> None:
    held = Client(service, provider.token(aud=AUDIENCE)).get("/v1/facts")
    assert held.status == 200, "the control: one that holds is"
    provider.subject += "-another"
    assert Client(service, provider.token(**more)).get("/v1/facts").status == 401


def test_a_session_and_an_access_token_are_the_same_person(
    service: Service, browser: Browser, provider: IdentityProvider
) -> None:
    signed_in(browser, provider)
    Client(service, provider.token(aud=AUDIENCE)).get("/v1/facts")
    with psycopg.connect(service.url) as conn:
        row = conn.execute(
            "SELECT count(*) FROM ledger.app_user WHERE subject = sha256(%s)",
            (f"{provider.issuer}\n{provider.subject}".encode(),),
        ).fetchone()
    assert row == (1,)


def test_a_provider_that_does_not_answer_is_no_fault_of_ours(database_url: str) -> None:
    settings = Settings(
        public_url="http://ledger.example",
        oidc_issuer="http://127.0.0.1:9",
        oidc_client_id=CLIENT_ID,
    )
    with Service(database_url, settings, runner=False) as service:
        browser = Browser(service)
        where = browser.get("/en/sign-in/provider")[1]["Location"]
        assert "does not answer" in browser.text(where)


@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://evil.example"},
        {"token_endpoint": "http://elsewhere.example/token"},
        {"jwks_uri": None},
        {"padding": "x" * 300_000},
    ],
)
def test_a_discovery_document_that_does_not_fit_is_not_believed(
    database_url: str, provider: IdentityProvider, document: Claims
) -> None:
    provider.document = document
    settings = Settings(
        public_url="http://ledger.example",
        oidc_issuer=provider.issuer,
        oidc_client_id=CLIENT_ID,
    )
    try:
        with Service(database_url, settings, runner=False) as service:
            where = Browser(service).get("/en/sign-in/provider")[1]["Location"]
            assert where == "/en/sign-in?refused=provider"
    finally:
        provider.document = {}


def test_behind_tls_cookies_are_for_tls_alone(
    database_url: str, provider: IdentityProvider
) -> None:
    settings = Settings(
        public_url="https://ledger.example", oidc_issuer=provider.issuer, oidc_client_id=CLIENT_ID
    )
    with Service(database_url, settings, runner=False) as service:
        assert "Secure" in Browser(service).get("/en/sign-in/provider")[1]["Set-Cookie"]


@pytest.mark.parametrize(
    "given",
    [
        {"OIDC_ISSUER": "https://id.example"},
        {"OIDC_ISSUER": "http://id.example", "OIDC_CLIENT_ID": "x", "PUBLIC_URL": "https://a.b"},
        {"PUBLIC_URL": "ledger.example"},
        {
            "OIDC_ISSUER": "https://id.example",
            "OIDC_CLIENT_ID": "x",
            "OIDC_AUDIENCE": "x",
            "PUBLIC_URL": "https://a.b",
        },
        {
            "OIDC_ISSUER": "https://id.example",
            "OIDC_CLIENT_ID": "x",
            "OIDC_ROLES": "staff=king",
            "PUBLIC_URL": "https://a.b",
        },
    ],
)
def test_settings_that_do_not_go_together_are_refused(given: dict[str, str]) -> None:
    with pytest.raises(InvalidSetting):
        from_environment({f"CLUSTERLEDGER_{name}": value for name, value in given.items()})
