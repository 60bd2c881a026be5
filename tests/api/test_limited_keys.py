"""A key limited to clusters sees no fact that concerns others alone: every route that reads."""

from __future__ import annotations

import re

import pytest

from api.app import ROUTES
from api.contract import Route
from projections.figures.catalogue import CATALOGUE
from tests.api.programme import ANNA, FAIR, FIRM, PROJECT, UNI, Programme
from tests.api.running import Client

READING = tuple(
    route
    for route in ROUTES
    if route.method == "GET"
    and route.path.startswith("/v1/")
    and not route.path.endswith("/live")  # a stream has no end; test_live holds its limits
)
PARTS = {
    "organisation_id": (UNI, FIRM),
    "cluster": ("bio", "rail"),
    "activity_id": (FAIR,),
    "person_ref": (ANNA,),
    "project_id": (PROJECT,),
    "before": ("1",),
    "after": ("2",),
}


@pytest.fixture(scope="module")
def limited(programme: Programme) -> Client:
    """Reads all that a key for the cluster rail may read."""
    return programme.service.client("trail:read", "figures:read", clusters=["rail"])


@pytest.fixture(scope="module")
def everywhere(programme: Programme) -> Client:
    return programme.service.client("trail:read", "figures:read")


@pytest.fixture(scope="module")
def hidden(programme: Programme) -> set[str]:
    """Streams of facts that concern the cluster bio alone, by what the ledger says of each."""
    facts = programme.list("facts", limit=1000)
    shared = ("organisation.", "cluster.")
    found = {f["stream"] for f in facts if not f["type"].startswith(shared)}
    found -= {f["stream"] for f in facts if "rail" in f.get("clusters", ())}
    assert len(found) >= 4
    return found


def paths(route: Route, programme: Programme) -> list[str]:
    """The route's paths with everything the programme has in their places."""
    positions = [str(receipt["position"]) for receipt in programme.receipts]
    found = [route.path]
    for name in re.findall(r"\{(\w+)[^{}]*\}", route.path):
        values = {"id": tuple(CATALOGUE), "position": tuple(positions), **PARTS}.get(name, ("1",))
        place = re.compile(r"\{" + name + r"[^{}]*\}")
        found = [place.sub(value, path) for path in found for value in values]
    return found


def told(client: Client, path: str, hidden: set[str]) -> set[str]:
    """The hidden streams that an answer names."""
    body = client.get(path).body.decode(errors="replace")
    return {stream for stream in hidden if stream in body}


@pytest.mark.parametrize("route", READING, ids=lambda route: route.path)
def test_no_route_tells_a_limited_key_of_other_clusters_facts(
    programme: Programme, limited: Client, hidden: set[str], route: Route
) -> None:
    for path in paths(route, programme):
        assert told(limited, path, hidden) == set(), path


def test_control_the_routes_tell_of_them_otherwise(
    programme: Programme, everywhere: Client, hidden: set[str]
) -> None:
    telling = {
        route.path
        for route in READING
        for path in paths(route, programme)
        if told(everywhere, path, hidden)
    }
    assert {"/v1/facts", "/v1/figures/{id}/facts", "/v1/figures/{id}/almost"} <= telling


def test_a_limited_key_asks_for_no_other_clusters_facts(limited: Client) -> None:
    for kind in ("facts", "almost"):
        answer = limited.get(f"/v1/figures/members/{kind}", {"cluster": "bio"})
        assert (answer.status, answer.code) == (403, "cluster_not_covered")


def test_the_page_of_a_figures_facts_tells_no_more_than_the_api(
    limited: Client, everywhere: Client, hidden: set[str]
) -> None:
    path = "/de/figures/members/facts.json?as_of=2019-01-01"
    assert told(everywhere, path, hidden), "the control: there is something to tell"
    assert told(limited, path, hidden) == set()


def test_a_limited_key_still_sees_its_own(programme: Programme, limited: Client) -> None:
    found = limited.read("/v1/figures/participations/facts", {"to": "2025-12-31"})["items"]
    assert {fact["type"] for fact in found} == {"activity.held.v1", "attendance.recorded.v1"}
