"""From a cell down to its facts, and to what almost counted in it, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import NAMESPACE_OID, uuid5

import pytest

from tests.api.running import Client, Service
from tests.conftest import FreshDatabase

PERIOD = {"from": "2019-01-01", "to": "2020-12-31"}


@pytest.fixture(scope="module")
def reader(fresh_database: FreshDatabase) -> Iterator[Client]:
    """Activities: one of 2019 on site, one of 2020 online, and one that was not held."""
    with fresh_database() as url, Service(url) as running:
        admin = running.client("admin")
        admin.post(
            *(
                ("cluster.registered.v1", {"cluster": c, "name": c, "effective_on": "2018-01-01"})
                for c in ("rail", "food")
            )
        )
        for day, mode, organisers in (
            ("2019-05-01", "onsite", ["rail", "food"]),
            ("2020-05-01", "online", ["food"]),
            ("2020-06-01", "online", ["rail"]),
        ):
            id = {"activity_id": str(uuid5(NAMESPACE_OID, day))}
            plan = {"title": "T", "kind": "fair", "mode": mode, "organisers": organisers}
            admin.post(("activity.scheduled.v1", {**id, **plan, "starts_on": day, "ends_on": day}))
            if day != "2020-06-01":
                admin.post(("activity.held.v1", {**id, "held_on": day}))
        reader = running.client("figures:read")
        reader.read("/v1/figures/activities")
        yield reader


@pytest.mark.parametrize(
    ("cell", "positions"),
    [
        ({}, [3, 4, 5, 6]),
        ({"by": "year", "key": "2019"}, [3, 4]),
        ({"by": "quarter", "key": "2020-Q2"}, [5, 6]),
        ({"by": "cluster", "key": "rail"}, [3, 4]),
        ({"by": "cluster", "key": "food", "view": "lead"}, [5, 6]),
        ({"by": "mode", "key": "online"}, [5, 6]),
        ({"by": "activity_kind", "key": "unknown"}, []),
    ],
)
def test_a_cell_has_its_own_facts(
    reader: Client, cell: dict[str, str], positions: list[int]
) -> None:
    found = reader.read("/v1/figures/activities/facts", PERIOD | cell)["items"]
    assert sorted(fact["position"] for fact in found) == positions


def test_what_almost_counted_is_asked_in_a_view_and_by_cell(reader: Client) -> None:
    def rules(**cell: str) -> list[str]:
        items = reader.read("/v1/figures/activities/almost", PERIOD | cell)["items"]
        return [item["rule"] for item in items]

    assert rules() == rules(by="mode", key="online") == rules(cluster="rail", view="lead")
    assert rules() == ["not_held"]
    assert rules(by="year", key="2019") == rules(by="cluster", key="food") == []


@pytest.mark.parametrize(
    ("path", "asked", "code", "allowed"),
    [
        ("facts", {"by": "year", "key": "1999"}, "unknown_row", "2019, 2020"),
        ("facts", {"by": "cluster"}, "unknown_row", "food, rail"),
        ("facts", {"by": "colour", "key": "red"}, "unknown_dimension", "cluster"),
        ("almost", {"by": "mode", "key": "radio"}, "unknown_row", "onsite"),
        ("almost", {"of": "members"}, "unknown_of", ""),
    ],
)
def test_a_cell_there_is_not_is_refused_with_what_is_allowed(
    reader: Client, path: str, asked: dict[str, str], code: str, allowed: str
) -> None:
    answer = reader.get(f"/v1/figures/activities/{path}", PERIOD | asked)
    assert (answer.status, answer.code) == (422, code)
    assert allowed in str(answer.json()["errors"][0].get("fix"))
