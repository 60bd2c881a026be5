"""A stream's id is uuid5 by definition, and every fact has a place in one."""

from __future__ import annotations

import json
from datetime import date
from uuid import NAMESPACE_URL, UUID, uuid5

import pytest

from ledger.domain.facts import FACTS, FactVoided
from ledger.domain.streams import (
    STREAMS,
    UNDATED,
    Kind,
    effective_day,
    key_of,
    namespace,
    stream_id,
    stream_of,
    streams_of,
)
from ledger.store import codec
from tests.domain.kit import Given, fact
from tests.golden.samples import SAMPLES

_OWN = sorted(FACTS.keys() - {FactVoided.topic})
ORIGIN = "rules.example/2026"
ONE, TWO = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("type", "data", "name"),
    [
        ("cluster.closed", {"cluster": "rail", "effective_on": "2020-01-01"}, "cluster/rail"),
        (
            "organisation.dissolved",
            {"organisation_id": str(ONE), "effective_on": "2020-01-01"},
            f"organisation/{ONE}",
        ),
        (
            "membership.applied",
            {"organisation_id": str(ONE), "cluster": "rail", "effective_on": "2020-01-01"},
            f"membership/{ONE}/rail",
        ),
        ("activity.cancelled", {"activity_id": str(ONE)}, f"activity/{ONE}"),
        (
            "headcount.recorded",
            {"activity_id": str(ONE), "count": 1, "scope": "total"},
            f"activity/{ONE}",
        ),
        (
            "attendance_list.imported",
            {"activity_id": str(ONE), "sha256": "0" * 64, "rows": 1, "complete": True},
            f"activity/{ONE}",
        ),
        (
            "attendance.recorded",
            {"activity_id": str(ONE), "person_ref": str(TWO)},
            f"attendance/{ONE}/{TWO}",
        ),
        (
            "project.started",
            {"project_id": str(ONE), "effective_on": "2020-01-01"},
            f"project/{ONE}",
        ),
        (
            "enrolment.ended",
            {"project_id": str(ONE), "organisation_id": str(TWO), "last_day": "2020-01-01"},
            f"enrolment/{ONE}/{TWO}",
        ),
        ("person.erased", {"person_ref": str(ONE), "legal_basis": "art-17"}, f"person/{ONE}"),
        (
            "period.closed",
            {
                "period_from": "2020-01-01",
                "period_to": "2020-12-31",
                "known_at": 1,
                "definitions": [],
                "digests": [],
            },
            "period/2020-01-01/2020-12-31",
        ),
        (
            "report.published",
            {
                "report": "annual@2",
                "period_from": "2020-01-01",
                "period_to": "2020-12-31",
                "parameters": {},
                "known_at": 1,
                "definitions": [],
                "sha256": "0" * 64,
            },
            "report/annual",
        ),
        (
            "code_list.published",
            {"scheme": "nuts", "edition": "2024", "sha256": "0" * 64},
            "code_list/nuts",
        ),
        ("log.key_changed", {"key_name": "a", "key": "b", "action": "added"}, "log/"),
    ],
)
def test_a_streams_id_is_uuid5_of_its_kind_and_key(
    type: str, data: dict[str, object], name: str
) -> None:
    space = uuid5(NAMESPACE_URL, ORIGIN)
    assert namespace(ORIGIN) == space
    kind, id = stream_of(space, fact(type, **data).fact)
    assert id == uuid5(space, name)
    assert kind.name == name.partition("/")[0]


def test_many_facts_have_the_streams_that_each_has() -> None:
    space = namespace(ORIGIN)
    facts = [codec.decode_fact(topic, json.dumps(SAMPLES[topic]).encode())[0] for topic in _OWN]
    for count in (0, 1, len(facts)):
        each = [stream_of(space, fact) for fact in facts[:count]]
        assert streams_of(space, facts[:count]) == each


def test_streams_of_two_ledgers_never_share_an_id() -> None:
    mine, other = (namespace(f"{name}.example") for name in ("mine", "other"))
    assert stream_id(mine, Kind.cluster, "rail") != stream_id(other, Kind.cluster, "rail")


def test_every_fact_but_a_void_has_a_stream_of_its_own_kind() -> None:
    assert set(STREAMS) == set(FACTS.values()) - {FactVoided}
    with pytest.raises(KeyError):
        key_of(FactVoided(target="x", reason="error"))


def test_the_numbers_of_the_kinds_are_stored_and_never_change() -> None:
    names = "cluster organisation membership activity attendance project enrolment person"
    more = "period report code_list log"
    assert [(kind.name, int(kind)) for kind in Kind] == [
        (name, n) for n, name in enumerate((names + " " + more).split(), 1)
    ]


def test_an_end_takes_effect_on_the_day_after_its_last_day() -> None:
    who = {"organisation_id": str(ONE)}
    ended = fact("membership.ended", cluster="rail", last_day="2020-12-31", cause="lapsed", **who)
    admitted = fact("membership.admitted", cluster="rail", effective_on="2021-01-01", **who)
    undated = fact("activity.held", activity_id=str(ONE), held_on="2024-01-01")
    assert effective_day(ended.fact) == effective_day(admitted.fact) == date(2021, 1, 1)
    assert effective_day(undated.fact) == UNDATED


def test_a_receipt_names_the_stream_of_its_fact(given: Given) -> None:
    code = given.cluster()
    receipt = given.post("cluster.renamed", cluster=code, name="B", effective_on="2020-01-01")
    assert receipt.stream == uuid5(uuid5(NAMESPACE_URL, ORIGIN), f"cluster/{code}")
    assert isinstance(receipt.stream, UUID)
