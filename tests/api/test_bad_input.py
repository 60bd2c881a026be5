"""What has broken such services before: each input is refused, and leaves nothing."""

from __future__ import annotations

import gzip
import json
import resource
import socket
import time
import zlib
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.dispatch import SECURITY_HEADERS
from api.intake import json_text
from api.problems import Problem
from api.settings import Settings
from api.state import STATE
from tests.api.running import BATCH, ONE, Client, Service

ORGANISATION = "f47ac10b-58cc-4372-a567-0e02b2c3d479"


@pytest.fixture(scope="module")
def app(shared_service: Service) -> Client:
    """An admin on a ledger with one cluster."""
    client = shared_service.client("admin")
    cluster = {"cluster": "biotech", "name": "Biotechnologie", "effective_on": "2006-02-01"}
    client.post(("cluster.registered.v1", cluster))
    return client


def head(service: Service) -> int:
    with psycopg.connect(service.url) as conn:
        row = conn.execute("SELECT position FROM ledger.head").fetchone()
        assert row is not None
        return int(row[0])


@pytest.fixture
def nothing_recorded(shared_service: Service) -> Iterator[None]:
    before = head(shared_service)
    yield
    assert head(shared_service) == before


def registered(**changes: Any) -> dict[str, Any]:
    data = {
        "organisation_id": ORGANISATION,
        "name": "Beispiel GmbH",
        "kind": "company",
        "effective_on": "2020-01-01",
    }
    return data | changes


def event(data: Any = None, **changes: Any) -> dict[str, Any]:
    made = {
        "specversion": "1.0",
        "id": f"bad-{uuid4()}",
        "source": "//test.example/app",
        "type": "organisation.registered.v1",
        "data": registered() if data is None else data,
    }
    return {name: value for name, value in (made | changes).items() if value is not ...}


def text(**changes: Any) -> bytes:
    return json.dumps(event(**changes)).encode()


def inside(raw: str) -> bytes:
    """An event with raw JSON in the place of a headcount."""
    data = {"activity_id": ORGANISATION, "scope": "total", "count": "@"}
    return text(type="headcount.recorded.v1", data=data).replace(b'"@"', raw.encode())


MALFORMED = {
    "NaN": inside("NaN"),
    "Infinity": inside("-Infinity"),
    "a number beyond floats": inside("1e400"),
    "an exponent that would take a lot of memory": inside("1e131071"),
    "a float": inside("1.5"),
    "a float without a fraction": inside("1.0"),
    "an integer of 2^63": inside(str(2**63)),
    "an integer below -2^63": inside(str(-(2**63) - 1)),
    "an integer of 2^64": inside(str(2**64)),
    "an integer of 10,000 digits": inside("1" + "0" * 10_000),
    "an integer with a leading zero": inside("01"),
    "a key twice": text().replace(b'"specversion"', b'"id": "x", "specversion"'),
    "a key twice, once escaped": text().replace(
        b'"specversion"', b'"\\u0069d": "x", "specversion"'
    ),
    "a key twice inside the data": inside('1, "count": 2'),
    "a lone surrogate": text(data=registered(name="@")).replace(b"@", b"\\ud800"),
    "surrogates in the wrong order": text(id="@").replace(b"@", b"\\udc00\\ud800"),
    "UTF-8 that is none": text(id="@").replace(b"@", b"\xff\xfe"),
    "a surrogate in UTF-8": text(id="@").replace(b"@", b"\xed\xa0\x80"),
    "an overlong encoding": text(id="@").replace(b"@", b"\xc0\xaf"),
    "UTF-16": text().decode().encode("utf-16"),
    "a byte order mark": b"\xef\xbb\xbf" + text(),
    "a line feed inside a string": text(id="@").replace(b"@", b"a\nb"),
    "33 levels": inside("[" * 31 + "]" * 31),
    "1,025 levels": inside("[" * 1_025 + "]" * 1_025),
    "100,000 levels": b"[" * 100_000,
    "an unfinished document": text()[:-1],
    "something behind the document": text() + b"{}",
    "a comment": b"/* hello */" + text(),
    "no body": b"",
}

INVALID = {
    "no object": b"[]",
    "null": b"null",
    "no id": text(id=...),
    "no source": text(source=...),
    "an empty id": text(id=""),
    "an id of 201 characters": text(id="x" * 201),
    "an id with U+0000": text(id="a\x00b"),
    "an id with a line feed at its end": text(id="a\n"),
    "an id that is a number": text(id=1),
    "a source with a space": text(source="//test.example/my app"),
    "a source with an escape sequence": text(source="//test.example/\x1b[31m"),
    "a version of CloudEvents to come": text(specversion="2.0"),
    "data in base64": text(data=..., data_base64="e30="),
    "an extension attribute in capitals": text(traceParent="x"),
    "an extension attribute with a structure": text(extra={"a": 1}),
    "a negative expected version": text(expectedversion=-1),
    "an expected version that is text": text(expectedversion="1"),
    "data of another type": text(datacontenttype="text/xml"),
    "an unknown type": text(type="organisation.painted.v1"),
    "a type of a Python class": text(type="ledger.domain.facts:OrganisationRegistered"),
    "no data": text(data=...),
    "data that are text": text(data="x"),
    "a field that is not there": text(data=registered(colour="red")),
    "a name that is missing": text(data=registered(name=None)),
    "a name with U+0000": text(data=registered(name="a\x00b")),
    "an empty name": text(data=registered(name="")),
    "a name of 501 characters": text(data=registered(name="x" * 501)),
    "true for a number": inside("true"),
    "a number in quotes": inside('"7"'),
    "a count below zero": inside("-1"),
    "a count of 2^31": inside(str(2**31)),
    "a day and a time": text(data=registered(effective_on="2024-01-01T00:00:00")),
    "a day with a zone": text(data=registered(effective_on="2024-01-01Z")),
    "a day without hyphens": text(data=registered(effective_on="20240101")),
    "the 30th of February": text(data=registered(effective_on="2024-02-30")),
    "the day infinity": text(data=registered(effective_on="infinity")),
    "a day before Christ": text(data=registered(effective_on="-0044-03-15")),
    "a day of the year 0": text(data=registered(effective_on="0000-01-01")),
    "a day of the year 1": text(data=registered(effective_on="0001-01-01")),
    "a day of the year 10000": text(data=registered(effective_on="10000-01-01")),
    "a day of the year 9999": text(data=registered(effective_on="9999-12-31")),
    "a day that is a number": text(data=registered(effective_on=20240101)),
    "a UUID in braces": text(data=registered(organisation_id="{" + ORGANISATION + "}")),
    "a UUID as a URN": text(data=registered(organisation_id="urn:uuid:" + ORGANISATION)),
    "a UUID with a space": text(data=registered(organisation_id=ORGANISATION + " ")),
    "a kind that is none": text(data=registered(kind="COMPANY")),
    "a region with a line feed": text(data=registered(nuts3="DE212\n")),
    "a region in wide letters": text(data=registered(nuts3="ＤＥ212")),
    "a cluster nobody registered": text(
        type="cluster.renamed.v1",
        data={"cluster": "nowhere", "name": "N", "effective_on": "2020-01-01"},
    ),
}


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
@pytest.mark.parametrize("media_type", [ONE, BATCH])
def test_a_body_that_is_no_unambiguous_json_is_malformed(
    app: Client, nothing_recorded: None, body: bytes, media_type: str
) -> None:
    sent = body if media_type == ONE or not body else b"[" + body + b"]"
    if body.startswith(b"\xef\xbb\xbf"):
        sent = body
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": media_type}, data=sent)
    assert (answer.status, answer.code) == (400, "malformed_json"), answer.body


@pytest.mark.parametrize("body", INVALID.values(), ids=INVALID)
@pytest.mark.parametrize("batched", [False, True])
def test_what_is_no_fact_is_named(
    app: Client, nothing_recorded: None, body: bytes, batched: bool
) -> None:
    media_type, sent = (BATCH, b"[" + body + b"]") if batched else (ONE, body)
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": media_type}, data=sent)
    assert answer.status == 422, answer.body
    problem = answer.json()
    assert answer.code == problem["code"]
    assert problem["status"] == 422
    assert problem["type"] == f"/docs/problems#{answer.code}"
    assert problem["errors"], "a problem names the place"
    assert "regex" not in answer.body.decode()


@pytest.mark.parametrize("wrong", ["a float", "a key twice", "an integer of 2^64"])
def test_in_a_batch_it_is_said_which_event_is_ambiguous(
    app: Client, nothing_recorded: None, wrong: str
) -> None:
    sent = b"[" + b",".join([text(), MALFORMED[wrong], MALFORMED["a float"]]) + b"]"
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": BATCH}, data=sent)
    assert (answer.status, answer.code) == (400, "malformed_json")
    (finding,) = answer.json()["errors"]
    assert finding["pointer"] == "/1"
    assert finding["detail"] == answer.json()["detail"]


def test_a_finding_names_place_value_rule_and_fix(app: Client, nothing_recorded: None) -> None:
    bad = [
        event(),
        event(data=registered(effective_on="1.2.2024")),
        event(data=registered(nuts3="Passau")),
        event(data=registered(kind="firm")),
    ]
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": BATCH}, body=bad)
    assert answer.status == 422
    assert answer.json()["errors"] == [
        {
            "pointer": "/1/data/effective_on",
            "detail": "Invalid RFC3339 encoded date",
            "value": "1.2.2024",
            "fix": "A day is written 2026-11-22, without a time.",
        },
        {
            "pointer": "/2/data/nuts3",
            "detail": "'nuts3' does not have the form it should have.",
            "value": "Passau",
            "rule": "NUTS 2024, level 3.",
        },
        {
            "pointer": "/3/data/kind",
            "detail": "Invalid enum value 'firm'",
            "value": "firm",
            "fix": "One of: company, university, research_institute, chamber, association, "
            "public_body, other.",
        },
    ]


@pytest.mark.parametrize("written", [ORGANISATION.upper(), ORGANISATION.replace("-", "")])
def test_a_uuid_in_another_spelling_is_the_same_uuid(service: Service, written: str) -> None:
    admin = service.client("admin")
    first, again = (
        event(data=registered(organisation_id=spelling), id="one")
        for spelling in (ORGANISATION, written)
    )
    [receipt] = admin.post_events([first])
    [repeated] = admin.post_events([again])
    assert repeated["duplicate"] is True
    assert repeated["leaf_hash"] == receipt["leaf_hash"]


HARMLESS = {
    "NFD": ("Mu\u0308ller", "M\u00fcller"),
    "HTML": ("<script>alert(1)</script>", None),
    "a formula": ("=HYPERLINK(1)", None),
    "a zero-width space": ("a\u200bb", None),
    "a bidirectional mark": ("a\u202eb", None),
    "a line feed and an escape sequence": ("a\r\nb\x1b[31mc", None),
    "a line separator": ("a\u2028b", None),
    "quotation marks and backslashes": ('a\\"b\\\\', None),
    "characters beyond the first plane": ("\U0001f600", None),
}


@pytest.mark.parametrize(("written", "kept"), HARMLESS.values(), ids=HARMLESS)
@pytest.mark.parametrize("escaped", [False, True])
def test_odd_text_is_data(
    shared_service: Service, app: Client, written: str, kept: str | None, escaped: bool
) -> None:
    sent = event(data=registered(organisation_id=str(uuid4()), name=written))
    body = json.dumps(sent, ensure_ascii=escaped).encode()
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": ONE}, data=body)
    assert answer.status == 201, answer.body
    with psycopg.connect(shared_service.url) as conn:
        row = conn.execute(
            "SELECT state FROM ledger.facts WHERE notification_id = %s",
            (answer.json()["position"],),
        ).fetchone()
    assert row is not None
    assert orjson.loads(bytes(row[0]))["data"]["name"] == (kept or written)


def test_an_id_twice_in_a_batch_with_other_content_is_a_conflict(
    app: Client, nothing_recorded: None
) -> None:
    first = event(data=registered(organisation_id=str(uuid4())))
    second = event(data=registered(organisation_id=str(uuid4())), id=first["id"])
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": BATCH}, body=[first, second])
    assert (answer.status, answer.code) == (409, "idempotency_conflict")


def test_an_id_twice_in_a_batch_with_the_same_content_is_one_fact(app: Client) -> None:
    one = event(data=registered(organisation_id=str(uuid4())))
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": BATCH}, body=[one, one])
    assert answer.status == 201
    first, second = answer.json()["items"]
    assert (first["status"], second["status"]) == (201, 200)
    assert first["position"] == second["position"]


@pytest.mark.parametrize(
    ("changed", "same"),
    [
        ({"time": "2031-01-01T00:00:00Z"}, True),
        ({"causationid": None}, True),
        ({"correlationid": str(uuid4())}, False),
    ],
    ids=["another time", "a null that was absent", "another correlation"],
)
def test_what_counts_when_a_fact_is_said_again(
    app: Client, changed: dict[str, str | None], same: bool
) -> None:
    one = event(data=registered(organisation_id=str(uuid4())), time="2030-01-01T00:00:00Z")
    (first,) = app.post_events([one])
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": ONE}, body=one | changed)
    assert answer.status == (200 if same else 409), answer.body
    assert not same or answer.json()["position"] == first["position"]


def test_a_batch_that_is_repeated_answers_its_first_receipts(app: Client) -> None:
    batch = [event(data=registered(organisation_id=str(uuid4()))) for _ in range(3)]
    first = app.post_events(batch)
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": BATCH}, body=batch)
    assert answer.status == 200
    again = answer.json()["items"]
    assert [item["leaf_hash"] for item in again] == [item["leaf_hash"] for item in first]
    assert all(item["duplicate"] for item in again)


def test_a_batch_of_10_001_facts_is_too_large(app: Client, nothing_recorded: None) -> None:
    batch = [{"specversion": "1.0"}] * 10_001
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": BATCH}, body=batch)
    assert (answer.status, answer.code) == (413, "batch_too_large")


@pytest.mark.parametrize(
    "media_type",
    ["text/plain", "application/json", "multipart/form-data; boundary=x", "application/xml", "x"],
)
def test_another_media_type_is_not_taken(
    app: Client, nothing_recorded: None, media_type: str
) -> None:
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": media_type}, data=text())
    assert (answer.status, answer.code) == (415, "unsupported_media_type")


def test_a_wrong_word_in_a_question_is_told_the_right_ones(app: Client) -> None:
    answer = app.ask("GET", "/v1/projects?status=started")
    assert (answer.status, answer.code) == (400, "invalid_parameter")
    fix = answer.json()["errors"][0]["fix"]
    assert fix == "One of: proposed, approved, running, ended."


@pytest.mark.parametrize("media_type", ["multipart/form-data; boundary=x"])
def test_thousands_of_parts_are_not_even_read(
    app: Client, nothing_recorded: None, media_type: str
) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n'
    answer = app.ask(
        "POST", "/v1/facts", headers={"Content-Type": media_type}, data=part * 20_000 + b"--x--"
    )
    assert answer.status == 415


@pytest.mark.parametrize("path", ["/v1/facts?atomic=maybe", "/v1/facts?atmic=false"])
def test_a_parameter_nobody_knows_is_named(app: Client, nothing_recorded: None, path: str) -> None:
    answer = app.ask("POST", path, headers={"Content-Type": BATCH}, data=text())
    assert (answer.status, answer.code) == (400, "invalid_parameter")
    assert answer.json()["errors"][0]["pointer"] in {"atomic", "atmic"}
    assert "atomic" in answer.json()["errors"][0]["fix"]


BAD_QUERIES = {
    "known_at=0001-01-01T00:00:00": 400,  # local: before the calendar begins in UTC
    "known_at=0001-01-01T00:00:00%2B23:59": 400,
    "known_at=9999-12-31T23:59:59-23:59": 400,
    "known_at=2025-03-30T02:30:00": 400,  # summer time began: there was no such time
    "known_at=2099-01-01T00:00:00Z": 422,
    "known_at=999999999999999": 422,
    "known_at=9223372036854775808": 400,
    "known_at=-1": 400,
    "known_at=1e3": 400,
    "known_at=%D9%A1": 400,  # a digit, but not one of ours
    "known_at=": 400,
    "known_at=%00": 400,
    "as_of=2024-02-30": 400,
    "as_of=infinity": 400,
    "as_of=10000-01-01": 400,
    "as_of=2024-01-01T00:00:00": 400,
    "as_of=0000-00-00": 400,
    "min_position=-1": 400,
    "min_position=9223372036854775808": 400,
    "limit=0": 400,
    "limit=1000000000": 400,
    "limit=1.0": 400,
    "limit=10&limit=20": 400,
    "cursor=!!!": 400,
    "cursor=AAAA": 400,
    "nosuch=1": 400,
    "%EF%BF%BD=1": 400,
    "%ff=1": 400,
}


@pytest.mark.parametrize(("query", "status"), BAD_QUERIES.items())
@pytest.mark.parametrize("path", ["/v1/organisations", "/v1/clusters/biotech"])
def test_a_question_that_makes_no_sense_is_named(
    app: Client, shared_service: Service, path: str, query: str, status: int
) -> None:
    head = f"GET {path}?{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    said = wire(shared_service, f"{head}Authorization: Bearer {app.key}\r\n\r\n".encode())
    assert said.split(b" ", 2)[1] == str(status).encode(), said[-400:]
    assert b"problem+json" in said


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "PUT", "PATCH", "TRACE"])
def test_a_method_that_is_not_offered_is_405(app: Client, method: str) -> None:
    answer = app.ask(method, "/v1/facts")
    assert answer.status == 405
    assert "POST" in answer.headers["Allow"]


# Packed bodies


def packed(app: Client, body: bytes, coding: str) -> Any:
    return app.ask(
        "POST", "/v1/facts", headers={"Content-Type": ONE, "Content-Encoding": coding}, data=body
    )


def test_a_packed_body_is_taken(app: Client) -> None:
    body = text(data=registered(organisation_id=str(uuid4())))
    assert packed(app, gzip.compress(body), "gzip").status == 201
    assert packed(app, zlib.compress(body), "deflate").status == 200
    assert packed(app, body, "identity").status == 200


def test_a_bomb_of_200_mb_is_refused_at_once(app: Client, nothing_recorded: None) -> None:
    """The whole service runs in this process: its peak memory is ours."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = b"".join(packer.compress(b" " * 1_000_000) for _ in range(200)) + packer.flush()
    assert len(bomb) < 1_000_000
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.perf_counter()
    answer = packed(app, bomb, "gzip")
    assert (answer.status, answer.code) == (413, "body_too_large")
    assert time.perf_counter() - began < 5
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - peak_kb < 60_000


@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "compress", "GZIP,identity", "*"])
def test_another_content_coding_is_not_taken(
    app: Client, nothing_recorded: None, coding: str
) -> None:
    answer = packed(app, gzip.compress(gzip.compress(text())), coding)
    # What the framework would inflate by another library, had we one, it refuses itself.
    assert answer.status == (400 if coding in {"br", "zstd"} else 415), answer.body


def test_what_is_not_packed_as_it_says_is_malformed(app: Client, nothing_recorded: None) -> None:
    for body in (text(), gzip.compress(text())[:-12], gzip.compress(text()) + b"more"):
        answer = packed(app, body, "gzip")
        assert answer.status == 400, answer.body


def test_a_body_beyond_5_mb_is_too_large(app: Client, nothing_recorded: None) -> None:
    answer = app.ask("POST", "/v1/facts", headers={"Content-Type": ONE}, data=b" " * 5_000_001)
    assert (answer.status, answer.code) == (413, "body_too_large")


# Below HTTP


def wire(service: Service, sent: bytes, timeout_s: float = 10) -> bytes:
    """Everything the service says to these bytes until it closes or falls silent."""
    host, port = service.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=timeout_s) as conn:
        conn.sendall(sent)
        said = b""
        while chunk := conn.recv(65_536):
            said += chunk
        return said


def request(*lines: str, body: bytes = b"") -> bytes:
    return "\r\n".join(("POST /v1/facts HTTP/1.1", "Host: x", *lines, "", "")).encode() + body


NONSENSE = {
    "a length and chunks": request(
        "Content-Length: 4", "Transfer-Encoding: chunked", body=b"0\r\n\r\nGET / HTTP/1.1\r\n\r\n"
    ),
    "two lengths": request("Content-Length: 4", "Content-Length: 5", body=b"12345"),
    "a length that is none": request("Content-Length: +4", body=b"1234"),
    "a length below zero": request("Content-Length: -1"),
    "chunks of a wrong size": request(
        "Transfer-Encoding: chunked", body=b"0x4\r\n1234\r\n0\r\n\r\n"
    ),
    "chunked twice": request("Transfer-Encoding: chunked, chunked", body=b"0\r\n\r\n"),
    "a header with a line feed": request("X-A: b\nX-C: d"),
    "a header of 100 kB": request("X-A: " + "b" * 100_000),
    "5,000 headers": request(*(f"X-{i}: 1" for i in range(5_000))),
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "a space in the path": b"GET /v1/fa cts HTTP/1.1\r\nHost: x\r\n\r\n",
}


@pytest.mark.parametrize("sent", NONSENSE.values(), ids=NONSENSE)
def test_a_request_that_is_no_http_is_400(
    app: Client, shared_service: Service, nothing_recorded: None, sent: bytes
) -> None:
    said = wire(shared_service, sent)
    head, _, body = said.partition(b"\r\n\r\n")
    status, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert status == "HTTP/1.0 400 Bad Request"  # of which version it is, nobody knows
    assert headers["Content-Type"] == "application/problem+json"
    assert headers["Server"] == "clusterledger"
    assert headers.items() >= SECURITY_HEADERS.items()
    problem = orjson.loads(body)  # one answer, and nothing behind it
    assert (problem["status"], problem["code"]) == (400, "malformed_request")
    assert 0 < len(problem["detail"]) <= 200


def test_what_is_no_http_is_counted_as_a_refusal(shared_service: Service, app: Client) -> None:
    counts = shared_service.app_runner.app[STATE].counts
    before = counts.totals().refusals["malformed_request"]
    wire(shared_service, NONSENSE["no HTTP"])
    assert counts.totals().refusals["malformed_request"] == before + 1


def test_a_slow_body_is_cut_off(database_url: str) -> None:
    settings = Settings(rate_limit=0, public_rate_limit=0, body_timeout_s=1)
    with Service(database_url, settings, runner=False) as service:
        key, _ = service.key("admin")
        began = time.perf_counter()
        said = wire(
            service,
            request(
                f"Authorization: Bearer {key}",
                f"Content-Type: {ONE}",
                "Content-Length: 100",
                body=b'{"specversion"',
            ),
        )
        assert said.startswith(b"HTTP/1.1 408 ")
        assert b"body_too_slow" in said
        # wire() came back, so the connection is closed: before aiohttp's own 10 s of patience.
        assert time.perf_counter() - began < 5


@pytest.mark.parametrize(
    "path",
    [
        "/static/../pages.py",
        "/static/..%2fpages.py",
        "/static/%2e%2e/%2e%2e/settings.py",
        "/static//etc/passwd",
        "/static/..\\pages.py",
        "/static/site.css%00.txt",
        "/static/" + "a" * 3_000,
    ],
)
def test_no_path_leads_out_of_the_static_files(
    app: Client, shared_service: Service, path: str
) -> None:
    said = wire(
        shared_service, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    )
    assert said.split(b" ", 2)[1] in {b"404", b"400"}, said[:200]


# The fast way and the exact way


_KEYS = st.sampled_from(["a", "b", "\u00e9", '"', "\\", "a\\", '\\"', "\x7f"])
_STRINGS = st.text(st.sampled_from('ab"\\/\u00e9\u2028\U0001f600\x7f:,{}[] 0123.eE'), max_size=8)
_SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from([2**63 - 1, 2**63, -(2**63), -(2**63) - 1, 2**64, 1.0, 0, -0.0]),
    _STRINGS,
)


@st.composite
def raw_json(draw: st.DrawFn, levels: int = 6) -> str:
    """JSON as clients write it, and as they should not: white space, escapes, keys twice."""
    space = draw(st.sampled_from(["", " ", "\n\t"]))
    kind = draw(st.sampled_from(["scalar", "list", "object"] if levels else ["scalar"]))
    if kind == "scalar":
        return json.dumps(draw(_SCALARS), ensure_ascii=draw(st.booleans()))
    if kind == "list":
        items = draw(st.lists(raw_json(levels - 1), max_size=3))
        return "[" + f"{space},{space}".join(items) + "]"
    keys = draw(st.lists(_KEYS, max_size=4))
    members = [
        json.dumps(key, ensure_ascii=draw(st.booleans()))
        + f"{space}:{space}"
        + draw(raw_json(levels - 1))
        for key in keys
    ]
    return "{" + f"{space},{space}".join(members) + "}"


def outcome(parse: Any, body: bytes) -> tuple[str, Any]:
    try:
        return "taken", parse(body)
    except Problem as problem:
        return "refused", problem.detail


def same(one: Any, other: Any) -> bool:
    """Equal, and of equal types: True is not 1."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[k], other[k]) for k in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(raw_json())
def test_the_fast_way_takes_and_refuses_what_the_exact_way_does(raw: str) -> None:
    fast = outcome(json_text.parse, raw.encode())
    exact = outcome(json_text.parse_exactly, raw.encode())
    assert same(list(fast), list(exact)), raw


@settings(max_examples=500, deadline=None, derandomize=True)
@given(raw_json(), st.integers(0, 60), st.sampled_from(list(b'"\\{}[],:0e. \x00\xff')))
def test_the_fast_way_agrees_on_damaged_bodies(raw: str, at: int, put: int) -> None:
    body = bytearray(raw.encode())
    body[min(at, len(body) - 1)] = put
    fast = outcome(json_text.parse, bytes(body))
    exact = outcome(json_text.parse_exactly, bytes(body))
    assert same(list(fast), list(exact)), bytes(body)


@pytest.mark.parametrize("body", MALFORMED.values(), ids=MALFORMED)
def test_the_exact_way_alone_refuses_it_too(body: bytes) -> None:
    assert outcome(json_text.parse_exactly, body)[0] == "refused"
