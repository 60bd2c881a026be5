"""A batch that leaves nothing to interpret is read once; what that takes, the careful way takes."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from api.intake.cloudevents import _carefully, _plain, structured
from api.problems import Problem
from ledger.domain.commands import Incoming

ACTIVITY = "0191d7a2-7b3c-4a55-9c1e-0123456789ab"
PLAIN: dict[str, Any] = {
    "specversion": "1.0",
    "id": "fact-1",
    "source": "//ict.example/app",
    "type": "attendance.recorded.v1",
    "data": {
        "activity_id": ACTIVITY,
        "person_ref": "0191d7a2-7b3c-4a55-9c1e-0123456789ac",
        "organisation_id": "0191d7a2-7b3c-4a55-9c1e-0123456789ad",
    },
}
REGISTERED: dict[str, Any] = {
    **PLAIN,
    "id": "fact-2",
    "type": "organisation.registered.v1",
    "data": {
        "organisation_id": ACTIVITY,
        "name": "Bräu & Söhne",
        "kind": "company",
        "effective_on": "2020-01-01",
        "identifiers": ["vat:de 136695976"],
    },
}
COUNTED: dict[str, Any] = {
    **PLAIN,
    "id": "fact-3",
    "type": "headcount.recorded.v1",
    "data": {"activity_id": ACTIVITY, "scope": "total", "count": 12},
}


def written(events: list[dict[str, Any]]) -> bytes:
    return json.dumps(events, ensure_ascii=False, separators=(",", ":")).encode()


BODY = written([PLAIN, REGISTERED, COUNTED])


def carefully(body: bytes) -> list[Incoming | str]:
    """Facts, or the code of what is wrong."""
    try:
        taken = _carefully(body)
    except Problem as problem:
        return [problem.code]
    return [item.code if isinstance(item, Problem) else item for item in taken]


def read(body: bytes) -> Incoming | Problem:
    """One event."""
    try:
        return structured(body)
    except Problem as problem:
        return problem


def test_a_plain_batch_is_read_once() -> None:
    assert _plain(BODY) == carefully(BODY)


@pytest.mark.parametrize(
    "events",
    [
        [PLAIN, COUNTED],
        [COUNTED, {**PLAIN, "causationid": "fact-3", "time": "2024-03-05T10:00:00Z"}],
        [PLAIN, {**COUNTED, "expectedversion": 3, "subject": "s"}],
        [REGISTERED | {"data": {**REGISTERED["data"], "name": "Bra\u0308u"}}, PLAIN],
    ],
    ids=["bare", "with texts", "with a number", "to be composed"],
)
def test_whatever_attributes_its_events_have(events: list[dict[str, Any]]) -> None:
    body = written(events)
    assert _plain(body) == carefully(body)


@pytest.mark.parametrize(
    ("what", "by"),
    [
        (b'"count":12', b'"count":11,"count":12'),
        (b'"id":"fact-1"', b'"id":"fact-0","id":"fact-1"'),
        (b'"specversion":"1.0",', b'"specversion":"1.0","extra":"x",'),
        (b'"count":12', b'"count":12,"data":null'),
        (b'"count":12', b'"count":12.0'),
        (b'"fact-1"', b'"fact\\u002d1"'),
        (b'"scope":"total"', b'"sc\\u006fpe":"unlisted","scope":"total"'),
        (b'"data":{"activity_id"', b'"data":{"activity_id":null,"activity_id"'),
        (b'"source"', b'"time":null,"source"'),
        (b"//ict", b"\xff//ict"),
        (b"//ict", b"//i ct"),
        (b"//ict", b"//i%4xt"),
        (b'"fact-1"', b'"fact-1\x7f"'),
        (b'"fact-1"', b'"fact-\t1"'),
        (b'"fact-1"', b'""'),
        (b'"fact-1"', b'"%s"' % (b"x" * 201)),
        (b'"fact-1"', b'"fact-1","causationid":"\x7f"'),
        (b"[{", b"\xef\xbb\xbf[{"),
    ],
)
def test_what_parsers_may_read_differently_is_left_to_the_careful_way(
    what: bytes, by: bytes
) -> None:
    body = BODY.replace(what, by, 1)
    assert body != BODY
    assert _plain(body) is None


PUT = [b"", b'"', b"\\", b"{", b"}", b",", b" ", b"1", b"null", b'"id":"x",']


@settings(max_examples=400, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.integers(0, len(BODY) - 1),
            st.integers(0, 3),
            st.sampled_from(PUT),
        ),
        max_size=3,
    )
)
def test_damaged_or_not_what_is_read_once_is_what_the_careful_way_takes(
    damages: list[tuple[int, int, bytes]],
) -> None:
    body = BODY
    for at, cut, put in damages:
        body = body[:at] + put + body[at + cut :]
    quickly = _plain(body)
    assert quickly is None or quickly == carefully(body)


@pytest.mark.parametrize(
    "body", [b"", b" ", BODY[1:-1], written([PLAIN])[1:-1] + b",", b"],[", b"null"]
)
def test_what_is_not_one_event_is_read_as_none(body: bytes) -> None:
    assert not isinstance(read(body), Incoming)


@pytest.mark.parametrize("event", [PLAIN, REGISTERED, COUNTED])
def test_one_plain_event_is_read_once_too(event: dict[str, Any]) -> None:
    body = written([event])
    assert [read(body[1:-1])] == _plain(body)
