"""Nobody gets in where they don't belong: every route, every kind of key."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
import structlog

from api import auth
from api.app import ROUTES
from api.auth import KeyRing
from api.contract import ANY, PUBLIC, Route
from api.settings import Settings
from api.state import STATE
from ledger.store.database import WRITER, connect
from tests.api.running import BATCH, ONE, Client, Service

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = {"cluster": "biotech", "name": "Biotechnologie", "effective_on": "2006-02-01"}
KINDS = ("none", "wrong", "no key", "basic", "expired", "revoked", "narrow", "admin")


@pytest.fixture(scope="module")
def keys(shared_service: Service) -> dict[str, str | None]:
    """An Authorization header for each kind of key; None sends none."""
    service = shared_service
    yesterday = datetime.now(UTC) - timedelta(days=1)
    revoked, revoked_id = service.key("admin")
    with connect(service.url, WRITER, autocommit=True) as conn:
        assert auth.revoke_key(conn, revoked_id)
    given = {
        "wrong": auth.KEY_PREFIX + "x" * 43,
        "no key": "",
        "expired": service.key("admin", expires_at=yesterday)[0],
        "revoked": revoked,
        "narrow": service.key(clusters=["elsewhere"])[0],
        "admin": service.key("admin")[0],
    }
    headers: dict[str, str | None] = {kind: f"Bearer {key}" for kind, key in given.items()}
    return headers | {"none": None, "basic": "Basic YWRtaW46YWRtaW4="}


PARTS = {"name": "site.css", "language": "de", "form": "", "number": "000"}


def path_of(route: Route) -> str:
    """The route's path with something in every place."""
    return re.sub(r"\{(\w+)[^{}]*\}", lambda found: PARTS.get(found[1], "1"), route.path)


def asked(service: Service, method: str, path: str, header: str | None) -> tuple[int, str]:
    """Status and problem code. The body of a success is not waited for: a stream has no end."""

    async def ask() -> tuple[int, str]:
        headers = {} if header is None else {"Authorization": header}
        async with service.session.request(
            method, service.base + path, headers=headers, allow_redirects=False
        ) as got:
            if got.status < 400:
                return got.status, ""
            is_problem = "problem+json" in got.headers["Content-Type"]
            return got.status, (await got.json(content_type=None))["code"] if is_problem else ""

    return service.client_loop.run(ask())


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
def test_every_route_asks_every_key(
    shared_service: Service, keys: dict[str, str | None], route: Route, kind: str
) -> None:
    status, code = asked(shared_service, route.method, path_of(route), keys[kind])
    if kind == "none" and route.scope == PUBLIC:
        assert status not in {401, 403}
    elif kind not in {"narrow", "admin"}:
        # A key that does not hold is said so, on public routes too.
        assert (status, code) == (401, "unauthenticated")
    elif kind == "narrow" and route.scope not in {PUBLIC, ANY}:
        assert (status, code) == (403, "scope_missing")
    elif kind == "admin":
        assert status not in {401, 403}
    assert status != 500


def test_an_unauthenticated_answer_says_how(shared_service: Service) -> None:
    public = shared_service.public()
    missing = public.get("/v1/facts")
    assert missing.headers["WWW-Authenticate"] == 'Bearer realm="clusterledger"'
    wrong = public.get("/livez", headers={"Authorization": "Bearer x"})
    assert 'error="invalid_token"' in wrong.headers["WWW-Authenticate"]


# Writing


def posted(client: Client, type: str, data: Any, source: str = "//test.example/app") -> str | None:
    event = client.service.event(type, data, source)
    return client.ask("POST", "/v1/facts", headers={"Content-Type": ONE}, body=event).code


@pytest.fixture(scope="module")
def two_clusters(shared_service: Service) -> Service:
    admin = shared_service.client("admin")
    organisation = {
        "organisation_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "name": "Beispiel",
        "kind": "company",
        "effective_on": "2010-01-01",
    }
    admin.post(
        ("cluster.registered.v1", CLUSTER),
        ("cluster.registered.v1", CLUSTER | {"cluster": "energy"}),
        ("organisation.registered.v1", organisation),
    )
    return shared_service


def admission(cluster: str) -> tuple[str, dict[str, str]]:
    return "membership.admitted.v1", {
        "organisation_id": "f47ac10b-58cc-4372-a567-0e02b2c3d479",
        "cluster": cluster,
        "effective_on": "2020-01-01",
    }


def test_a_key_records_for_its_own_clusters_only(two_clusters: Service) -> None:
    app = two_clusters.client(clusters=["biotech"])
    assert posted(app, *admission("energy")) == "cluster_not_covered"
    assert posted(app, *admission("biotech")) is None


def test_a_scope_for_one_cluster_is_enough(two_clusters: Service) -> None:
    app = two_clusters.client("facts:write:energy")
    assert posted(app, *admission("biotech")) in {"cluster_not_covered", "already_a_member"}
    assert posted(app, *admission("energy")) is None


def test_a_key_uses_its_own_sources_only(two_clusters: Service) -> None:
    narrow = two_clusters.client(clusters=["biotech"], sources=["//biotech.example/app"])
    assert posted(narrow, *admission("biotech"), "//energy.example/app") == "source_not_covered"
    assert posted(narrow, *admission("biotech"), "//biotech.example/ap") == "source_not_covered"
    assert posted(narrow, *admission("biotech"), "//biotech.example/app") != "source_not_covered"


def test_a_key_that_may_only_read_writes_nothing(two_clusters: Service) -> None:
    reader = two_clusters.client("trail:read", "figures:read")
    for type, data in (admission("biotech"), ("cluster.closed.v1", CLUSTER)):
        answer = reader.ask(
            "POST",
            "/v1/facts",
            headers={"Content-Type": BATCH},
            body=[two_clusters.event(type, {k: v for k, v in data.items() if k != "name"})],
        )
        assert answer.status == 403


def test_one_fact_beyond_the_key_refuses_the_batch(two_clusters: Service) -> None:
    app = two_clusters.client("organisations:write", clusters=["biotech"])
    with psycopg.connect(two_clusters.url) as conn:
        before = conn.execute("SELECT position FROM ledger.head").fetchone()
        organisation = {
            "organisation_id": "00000000-58cc-4372-a567-0e02b2c3d479",
            "name": "Neu",
            "kind": "company",
            "effective_on": "2010-01-01",
        }
        mine = two_clusters.event("organisation.registered.v1", organisation)
        theirs = two_clusters.event("cluster.renamed.v1", CLUSTER | {"cluster": "energy"})
        answer = app.ask("POST", "/v1/facts", headers={"Content-Type": BATCH}, body=[mine, theirs])
        assert answer.status == 403
        assert answer.json()["errors"][0]["pointer"].startswith("/1")
        assert conn.execute("SELECT position FROM ledger.head").fetchone() == before


# Keys


def test_only_a_digest_of_a_key_is_kept(service: Service) -> None:
    secret, key_id = service.key("trail:read")
    assert re.fullmatch(r"clk_[A-Za-z0-9_-]{43}", secret)
    with psycopg.connect(service.url) as conn:
        row = conn.execute("SELECT * FROM ledger.api_key WHERE key_id = %s", (key_id,)).fetchone()
        assert row is not None
        assert sha256(secret.encode()).digest() in row
        kept = conn.execute("SELECT string_agg(k::text, '') FROM ledger.api_key k").fetchone()
    assert kept is not None
    assert secret not in kept[0]
    assert secret.encode().hex() not in kept[0]


def test_a_revoked_key_is_refused_within_seconds(service: Service) -> None:
    ring = service.app_runner.app[STATE].keys
    assert ring.fresh_s == auth.FRESH_S <= 5
    ring.fresh_s = 0  # every request looks the key up
    secret, key_id = service.key("trail:read")
    client = Client(service, secret)
    assert client.get("/v1/facts").status == 200
    with connect(service.url, WRITER, autocommit=True) as conn:
        assert auth.revoke_key(conn, key_id)
        assert not auth.revoke_key(conn, key_id), "revoked once"
    assert client.get("/v1/facts").status == 401


def test_a_key_is_looked_up_again_when_it_is_no_longer_fresh() -> None:
    now = [100.0]
    ring = KeyRing(fresh_s=5, clock=lambda: now[0])
    digest, authority = ring.lookup("clk_x")
    assert authority is None
    key = auth.Key(UUID(int=1), "", (), (), (), datetime.now(UTC), None, None)
    admitted = ring.admit(digest, key)
    now[0] += 4.9
    assert ring.lookup("clk_x") == (digest, admitted)
    now[0] += 0.1
    assert ring.lookup("clk_x") == (digest, None)


def test_a_key_that_expires_is_refused_at_once() -> None:
    ring = KeyRing()
    digest, _ = ring.lookup("clk_x")
    soon = datetime.now(UTC) + timedelta(milliseconds=50)
    ring.admit(digest, auth.Key(UUID(int=1), "", (), (), (), datetime.now(UTC), soon, None))
    assert ring.lookup("clk_x")[1] is not None
    while datetime.now(UTC) < soon:
        pass
    assert ring.lookup("clk_x")[1] is None


def test_guessing_keys_is_limited(database_url: str) -> None:
    settings = Settings(rate_limit=0, public_rate_limit=5)
    with Service(database_url, settings, runner=False) as service:
        guesses = [Client(service, f"clk_{number}").get("/v1/facts") for number in range(30)]
        assert {answer.status for answer in guesses} == {401, 429}
        assert guesses[-1].headers["Retry-After"] == "1"


# Secrets


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as events:
        yield events


def test_a_key_stands_in_no_answer_and_no_log(service: Service, logged: list[Any]) -> None:
    secret, _ = service.key("admin")
    client = Client(service, secret)
    answers = [
        client.get("/v1/facts"),
        client.get("/nowhere"),
        client.ask("POST", "/v1/facts", body={}),
        client.ask("PUT", "/v1/facts"),
        Client(service, secret[:-1]).get("/v1/facts"),
        client.get("/v1/facts", {"limit": "x"}),
    ]
    with psycopg.connect(service.url, autocommit=True) as conn:
        conn.execute("ALTER TABLE ledger.api_key RENAME TO hidden")
    service.app_runner.app[STATE].keys.fresh_s = 0
    answers.append(client.get("/v1/facts"))
    assert answers[-1].status >= 500, "what broke here is logged"
    said = b"".join(a.body + repr(dict(a.headers)).encode() for a in answers).decode()
    for text in (said, repr(logged)):
        assert secret not in text
        assert secret[:-1] not in text
    assert logged


LOGGING = r"""
import logging
from aiohttp.http_exceptions import BadHttpMessage
from api.logs import configure
import structlog
configure("info")
log = structlog.get_logger("test")
log.warning("odd", text="a\r\nb\x1b[31mc\u2028d", half="\ud800")
def fails(secret):
    raise ValueError("no")
try:
    fails("clk_hunter2")
except ValueError:
    log.exception("request_failed")
try:
    raise BadHttpMessage("Bad header: Authorization: Bearer clk_hunter2")
except BadHttpMessage as error:
    logging.getLogger("aiohttp.server").error("Error handling request", exc_info=error)
logging.getLogger("library").warning("a\r\nb")
"""


def test_a_log_is_one_json_object_a_line_without_locals() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOGGING], cwd=ROOT, capture_output=True, check=True, text=True
    )
    lines = done.stderr.removesuffix("\n").split("\n")
    events = [json.loads(line) for line in lines]
    assert [event["event"] for event in events] == [
        "odd",
        "request_failed",
        "no_http",
        "library_says",
    ]
    assert "hunter2" not in done.stderr
    assert "\r" not in done.stderr
    assert "\x1b" not in done.stderr
    assert events[0]["text"] == "a\r\nb\x1b[31mc\u2028d"
