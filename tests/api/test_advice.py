"""Every refusal says which rule it rests on, and what helps."""

from __future__ import annotations

import re

import pytest

from api.advice import ADVICE
from api.intake import cloudevents
from api.problems import Problem, of_refusal
from ledger.domain.facts import FACTS
from ledger.domain.refusals import REFUSALS
from tests.api.running import Client, Service


def test_every_refusal_has_advice_and_no_other_code_has() -> None:
    assert ADVICE.keys() == REFUSALS.keys()


@pytest.mark.parametrize("code", REFUSALS)
def test_a_refusal_has_no_placeholder_left(code: str) -> None:
    refusal = REFUSALS[code]
    (error,) = of_refusal(refusal(**dict.fromkeys(refusal.fields, "x"))).body()["errors"]
    assert {"rule", "fix", "detail"} <= error.keys()
    assert not re.search(r"[{}]", "".join(map(str, error.values())))


def test_facts_that_are_advised_exist() -> None:
    told = " ".join(" ".join(advice) for advice in ADVICE.values())
    assert set(re.findall(r"[a-z]+\.[a-z_]+\.v[0-9]+", told)) <= FACTS.keys()


def test_what_is_named_without_a_version_is_a_family_of_facts() -> None:
    told = " ".join(" ".join(advice) for advice in ADVICE.values())
    assert not re.findall(r"\b(?:membership|project|activity|organisation)\.[a-z_]+\b(?!\.v)", told)


@pytest.mark.parametrize(
    "event", [b"[1]", b'[{"data_base64": "eA=="}]', b'[{"Upper": 1}]', b'[{"list": []}]']
)
def test_what_is_no_cloudevent_is_told_what_one_is(event: bytes) -> None:
    (problem,) = cloudevents.batched(event)
    assert isinstance(problem, Problem)
    (error,) = problem.body()["errors"]
    assert error["detail"] == problem.detail
    assert error["fix"]


def test_an_answered_refusal_names_the_value_and_the_fix(service: Service, admin: Client) -> None:
    event = service.event("cluster.closed.v1", {"cluster": "nowhere", "effective_on": "2020-01-01"})
    headers = {"Content-Type": "application/cloudevents+json"}
    answer = admin.ask("POST", "/v1/facts", headers=headers, body=event)
    assert answer.json()["errors"] == [
        {
            "pointer": "/data/cluster",
            "detail": "Cluster nowhere is not registered. Post cluster.registered first.",
            "value": "nowhere",
            "rule": "A cluster is registered before facts name it.",
            "fix": "Post cluster.registered.v1 first, in the same batch if need be, or correct the"
            " code.",
        }
    ]
