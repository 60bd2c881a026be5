"""The API's document: complete, unchanged unless meant, and what the running service does."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import CHECKS as CHECKED
from schemathesis.generation import GenerationMode

from api.app import ROUTES
from api.openapi import document, problems_of, rendered
from ledger.domain.facts import FACTS
from tests.api.running import ONE, Service
from tests.golden.samples import SAMPLES

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "openapi.json"
EXAMPLES = 5
COVERED = 16
"""Cases an operation, in their order: its boundaries, what is missing, what is no method of it."""
CHECKS = tuple(
    check
    for check in CHECKED.get_all()
    # A schema cannot say that an id exists: `understands` asks instead whether it was understood.
    if check.__name__ != "positive_data_acceptance"
)
BEYOND_A_SCHEMA = frozenset({"invalid_cursor", "malformed_json", "invalid_header"})
"""Codes 400 of valid requests: a cursor is handed out, 7.0 is no integer here, and in a batch
`If-Match` would have no meaning."""
BEYOND_THE_LEDGER = frozenset({"min_position", "known_at", "type", "to", "size", "after", "since"})
"""Parameters with values that only this ledger can tell from others: what is in it so far."""
ABOUT_THE_TREE = "/v1/proofs/"
FACTS_POSTED = ("post", "/v1/facts")
CLUSTER = {"cluster": "biotech", "name": "Biotechnologie", "effective_on": "2006-02-01"}


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    return document(ROUTES)


def test_the_document_is_the_golden_copy() -> None:
    assert rendered(ROUTES) == GOLDEN.read_bytes(), (
        "meant? then: python -m api.openapi > tests/golden/openapi.json"
    )


def test_the_command_writes_the_document() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api.openapi"], cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout == rendered(ROUTES)


def test_the_service_serves_the_document(shared_service: Service) -> None:
    answer = shared_service.public().get("/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.body == rendered(ROUTES)


def test_every_route_is_in_the_document(written: dict[str, Any]) -> None:
    table = {
        (re.sub(r"\{(\w+):[^{}]*\}", r"{\1}", route.path), route.method.lower())
        for route in ROUTES
        if route.in_document
    }
    documented = {(path, method) for path, item in written["paths"].items() for method in item}
    assert table == documented
    assert not [
        route.path for route in ROUTES if route.path.startswith("/v1") and not route.in_document
    ]


def test_operations_have_ids_of_their_own(written: dict[str, Any]) -> None:
    ids = [op["operationId"] for item in written["paths"].values() for op in item.values()]
    assert len(ids) == len(set(ids))


def test_every_reference_leads_somewhere(written: dict[str, Any]) -> None:
    for found in re.findall(r'"\$ref": ?"#/([^"]+)"', json.dumps(written)):
        place: Any = written
        for part in found.split("/"):
            place = place[part]


def test_every_schema_is_a_schema(written: dict[str, Any]) -> None:
    for schema in written["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_every_fact_type_is_described(written: dict[str, Any]) -> None:
    schemas = written["components"]["schemas"]
    assert schemas["Event"]["properties"]["type"]["enum"] == list(FACTS)
    described = {
        schemas[option["$ref"].rpartition("/")[2]]["title"]
        for option in schemas["Event"]["properties"]["data"]["anyOf"]
    }
    assert described == set(FACTS)


def test_every_operation_names_its_problems(written: dict[str, Any]) -> None:
    for route in ROUTES:
        assert {400, 401, 429} <= problems_of(route) | set(route.answers)
        if "{" in route.path:
            assert 404 in problems_of(route)


@pytest.mark.parametrize("keyed", [True, False])
def test_the_service_does_what_the_document_says(shared_service: Service, keyed: bool) -> None:
    """Generated requests: no server error; statuses, media types and bodies are as documented."""
    headers = key_of(shared_service) if keyed else {}
    for operation in operations(shared_service):

        @settings(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy())
        def conforms(case: Any) -> None:
            answer = case.call_and_validate(checks=CHECKS, headers=headers, timeout=20)
            # 503 is a documented answer: the read models are not there yet.
            assert answer.status_code < 500 or answer.status_code == 503
            understands(case, answer)

        conforms()


def test_the_service_keeps_to_the_document_at_its_edges(shared_service: Service) -> None:
    """Each parameter at its bounds, wrong, missing, twice; bodies of the wrong shape; methods that
    are not offered."""
    headers = key_of(shared_service)
    for operation in operations(shared_service):
        schema = operation.schema
        cases = schema.iter_coverage_cases(
            operation,
            generation_modes=list(GenerationMode),
            generation_config=schema.config.generation_for(operation=operation),
        )
        for case in islice(cases, COVERED):
            case.call_and_validate(checks=CHECKS, headers=headers, timeout=20)


def test_facts_of_every_type_are_answered_as_the_document_says(shared_service: Service) -> None:
    """Valid bodies: the facts of the golden files. Some contradict each other: they are refused."""
    headers = key_of(shared_service)
    (post,) = (o for o in operations(shared_service) if (o.method, o.path) == FACTS_POSTED)
    statuses = Counter[int]()
    for type, data in SAMPLES.items():
        event = shared_service.event(type, data)
        case = post.Case(body=event, media_type=ONE)
        statuses[
            case.call_and_validate(checks=CHECKS, headers=headers, timeout=20).status_code
        ] += 1
    assert statuses.keys() <= {201, 409, 422}
    assert statuses[201] > 5


def understands(case: Any, answer: Any) -> None:
    """What the document calls valid is understood: refused, it is for what the ledger holds."""
    if not case.meta.generation.mode.is_positive or answer.status_code not in {400, 405, 406, 415}:
        return
    problem = answer.json()
    named = {error["pointer"] for error in problem.get("errors", ())}
    beyond = (named and named <= BEYOND_THE_LEDGER) or case.path.startswith(ABOUT_THE_TREE)
    assert problem["code"] in BEYOND_A_SCHEMA or beyond, (case.path, problem)


def key_of(service: Service) -> dict[str, str]:
    """The header of a key that may do everything, on a ledger with one cluster."""
    admin = service.client("admin")
    if not service.position:
        admin.post(("cluster.registered.v1", CLUSTER))
    return {"Authorization": f"Bearer {admin.key}"}


def operations(service: Service) -> Iterator[Any]:
    """What the document offers, apart from streams: they have no end."""
    schema = schemathesis.openapi.from_url(f"{service.base}/openapi.json")
    found = [result.ok() for result in schema.get_all_operations()]
    assert len(found) > 30
    return (operation for operation in found if not operation.path.endswith("/live"))
