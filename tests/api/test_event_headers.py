"""An event's headers and its time: text that is no text is refused, not recorded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import orjson
import psycopg
import pytest

from tests.api.running import BATCH, ONE, Client, Service
from tests.api.test_bad_input import wire

DATA = {"name": "Beispiel AG", "kind": "company", "effective_on": "2024-01-01"}


@pytest.fixture
def app(shared_service: Service) -> Client:
    return shared_service.client("admin")


@pytest.fixture
def nothing_recorded(shared_service: Service) -> Iterator[None]:
    before = head(shared_service)
    yield
    assert head(shared_service) == before


def head(service: Service) -> int:
    with psycopg.connect(service.url) as conn:
        row = conn.execute("SELECT position FROM ledger.head").fetchone()
        assert row is not None
        return int(row[0])


def event(**more: Any) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": f"head-{uuid4()}",
        "source": "//test.example/app",
        "type": "organisation.registered.v1",
        "data": {"organisation_id": str(uuid4()), **DATA},
        **more,
    }


def sent_raw(service: Service, client: Client, *lines: bytes) -> tuple[int, Any]:
    """Status and body of an event in binary mode, its headers' bytes as they stand."""
    body = orjson.dumps(event()["data"])
    fixed = (
        b"POST /v1/facts HTTP/1.1",
        b"Host: x",
        b"Connection: close",
        b"Authorization: Bearer " + str(client.key).encode(),
        b"Content-Type: application/json",
        b"Content-Length: %d" % len(body),
        b"ce-specversion: 1.0",
        b"ce-source: //test.example/app",
        b"ce-type: organisation.registered.v1",
    )
    said = wire(service, b"\r\n".join((*fixed, *lines, b"", body)))
    top, _, answer = said.partition(b"\r\n\r\n")
    return int(top.split(b" ", 2)[1]), orjson.loads(answer)


@pytest.mark.parametrize(
    "lines",
    [
        (b"ce-id: a\xff",),
        (b"ce-id: a%FF",),
        (b"ce-id: a%ED%A0%80",),
        (b"ce-id: a", b"ce-causationid: \xff"),
        (b"ce-id: a", b"ce-correlationid: %C3"),
        (b"ce-id: a", b"ce-subject: \xfc"),
        (b"ce-id: a", b"ce-id: b"),
    ],
)
def test_a_header_that_is_no_utf8_or_stands_twice_is_no_event(
    app: Client, shared_service: Service, nothing_recorded: None, lines: tuple[bytes, ...]
) -> None:
    status, problem = sent_raw(shared_service, app, *lines)
    assert (status, problem["code"]) == (422, "invalid_event")


def test_an_id_percent_encoded_or_raw_is_the_same_id(app: Client, shared_service: Service) -> None:
    mark = uuid4().hex.encode()
    taken, first = sent_raw(shared_service, app, b"ce-id: %C3%BC" + mark)
    assert taken == 201
    again, problem = sent_raw(shared_service, app, "ce-id: ü".encode() + mark)
    assert (again, problem["code"]) == (409, "idempotency_conflict"), "other data, the same id"
    assert str(first["position"]) in problem["detail"]


@pytest.mark.parametrize(
    "time", ["banana", "", "2026-03-29T02:30:00", "2026-13-01T00:00:00Z", "2026-01-01", 5]
)
@pytest.mark.parametrize("batched", [False, True])
def test_a_time_that_names_no_instant_is_no_event(
    app: Client, nothing_recorded: None, time: Any, batched: bool
) -> None:
    made = event(time=time)
    answer = app.ask(
        "POST",
        "/v1/facts",
        headers={"Content-Type": BATCH if batched else ONE},
        body=[made] if batched else made,
    )
    assert (answer.status, answer.code) == (422, "invalid_event")


@pytest.mark.parametrize(
    "time", ["2026-03-29T02:30:00+01:00", "2026-11-22T10:00:00.123456789Z", None]
)
def test_a_time_with_its_offset_is_taken(app: Client, time: str | None) -> None:
    sent = app.ask("POST", "/v1/facts", headers={"Content-Type": ONE}, body=event(time=time))
    assert sent.status == 201, sent.body


def test_a_batch_with_if_match_is_refused_instead_of_written_without_condition(
    app: Client, nothing_recorded: None
) -> None:
    sent = {"Content-Type": BATCH, "If-Match": '"7"'}
    answer = app.ask("POST", "/v1/facts", headers=sent, body=[event()])
    assert (answer.status, answer.code) == (400, "invalid_header")
