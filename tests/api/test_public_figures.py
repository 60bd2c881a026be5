"""What somebody without a key can find out by asking again and again."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations
from uuid import NAMESPACE_OID, uuid5

import pytest

from projections.figures.catalogue import CATALOGUE
from projections.figures.disclosure import THRESHOLD
from tests.api.running import Answer, Client, Service
from tests.conftest import FreshDatabase

HELD = {2018: 4, 2019: 1, 2020: 5, 2021: 0, 2022: 2, 2023: 7}
"""Activities by year; the programme begins in 2018, and 2024 is over too."""
YEARS = range(2018, 2025)


def facts() -> Iterator[tuple[str, dict[str, object]]]:
    yield "cluster.registered.v1", {"cluster": "rail", "name": "R", "effective_on": "2018-01-01"}
    for year, count in HELD.items():
        for number in range(count):
            id = {"activity_id": str(uuid5(NAMESPACE_OID, f"{year} {number}"))}
            day = f"{year}-05-{number + 1:02}"
            plan = {"title": "T", "kind": "fair", "mode": "onsite", "organisers": ["rail"]}
            yield "activity.scheduled.v1", {**id, **plan, "starts_on": day, "ends_on": day}
            yield "activity.held.v1", {**id, "held_on": day}
    id = {"project_id": str(uuid5(NAMESPACE_OID, "tram"))}
    on = {"effective_on": "2019-03-01"}
    yield "project.proposed.v1", {**id, "title": "T", "clusters": ["rail"], **on}
    yield "project.approved.v1", {**id, "volume_cents": 900, "grant_cents": 400, **on}
    yield "project.started.v1", {**id, **on}


@pytest.fixture(scope="module")
def service(fresh_database: FreshDatabase) -> Iterator[Service]:
    with fresh_database() as url, Service(url) as running:
        admin = running.client("admin")
        admin.post(*facts())
        admin.read("/v1/figures/activities")
        yield running


@pytest.fixture(scope="module")
def anybody(service: Service) -> Client:
    return service.public()


def ask(client: Client, figure: str, **asked: str) -> Answer:
    named = {name.rstrip("_"): value for name, value in asked.items()}
    return client.get(f"/v1/figures/{figure}", named)


def one_year(year: int) -> dict[str, str]:
    return {"from_": f"{year}-01-01", "to": f"{year}-12-31"}


def test_a_year_is_shown_as_in_the_table_by_year(anybody: Client) -> None:
    table = ask(anybody, "activities", by="year").json()
    shown = {int(row["key"]): row["value"] for row in table["rows"]}
    alone = {y: ask(anybody, "activities", **one_year(y)).json()["value"] for y in YEARS}
    assert alone == {y: shown[y] for y in YEARS}
    assert {y for y in YEARS if alone[y] is None} >= {2019, 2022}
    assert all(alone[y] in (None, HELD.get(y, 0)) for y in YEARS)
    assert table["value"] == sum(HELD.values()), "totals are exact"


def test_no_two_requests_differ_by_a_withheld_year(anybody: Client) -> None:
    """Every stretch of whole years, with and without a beginning: each answer is a sum of years,
    and none of the sums, nor a difference of two, is a small year."""
    sums: dict[frozenset[int], int] = {}
    for end in YEARS:
        for begin in (None, *YEARS):
            stretch = {"to": f"{end}-12-31"} | ({"from_": f"{begin}-01-01"} if begin else {})
            answer = ask(anybody, "activities", **stretch)
            if answer.status == 200 and answer.json()["value"] is not None:
                of = frozenset(y for y in YEARS if (begin or 0) <= y <= end)
                sums[of] = answer.json()["value"]
    hidden = {y for y, count in HELD.items() if 0 < count < THRESHOLD}
    assert sums, "something is shown"
    for one, other in combinations(sums, 2):
        assert not any(one ^ other == {y} for y in hidden)
    assert not any(frozenset({y}) in sums for y in hidden)
    shown = {next(iter(of)) for of in sums if len(of) == 1}
    assert len(set(YEARS) - shown) > 1, "the one that is left would be the difference"


@pytest.mark.parametrize(
    "asked",
    [
        {"to": "2022-12-31"},
        {"from_": "2019-01-01", "to": "2020-12-31"},
        {"from_": "2019-03-01", "to": "2019-12-31"},
        {"from_": "2019-01-01", "to": "2019-12-31", "by": "cluster"},
        {"from_": "2019-01-01", "to": "2019-12-31", "cluster": "rail"},
        {"by": "quarter"},
        {"known_at": "3"},
    ],
)
def test_what_would_give_cells_away_needs_a_key(anybody: Client, asked: dict[str, str]) -> None:
    assert ask(anybody, "activities", **asked).code == "public_profile"


def test_money_has_an_exact_total_and_no_cells(anybody: Client) -> None:
    for by in ("year", "cluster"):
        answer = ask(anybody, "grant_cents", by=by).json()
        assert (answer["approved"], answer["started"]) == (400, 400)
        assert {row["approved"] for row in answer["rows"]} == {None}
        assert "joint_adjustment" not in answer
    alone = ask(anybody, "grant_cents", **one_year(2019)).json()
    assert (alone["approved"], alone["started"]) == (None, None)


@pytest.mark.parametrize("figure", sorted(CATALOGUE))
def test_every_figure_of_a_year_has_the_numbers_of_its_row(anybody: Client, figure: str) -> None:
    table = ask(anybody, figure, by="year").json()
    (row,) = (row for row in table["rows"] if row["key"] == "2019")
    alone = ask(anybody, figure, **one_year(2019)).json()
    assert {name: alone[name] for name in row if name != "key"} == {
        name: value for name, value in row.items() if name != "key"
    }


def test_the_etag_tells_nothing_of_what_is_withheld(service: Service, anybody: Client) -> None:
    """The digest of a figure with an unknown number is found by trying numbers."""
    full = ask(service.client("figures:read"), "activities", **one_year(2019))
    public = ask(anybody, "activities", **one_year(2019))
    assert full.json()["value"] == 1
    assert "digest" not in public.json()
    assert full.json()["digest"][:32] not in public.headers["ETag"]
