"""Figures over HTTP: answers that can be held, refusals that say what would do, facts behind."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import Any

import psycopg
import pytest

from api.requests import today
from tests.api.programme import FIRM, Programme
from tests.api.running import Client, Service

YEAR = {"from": "2019-01-01", "to": "2019-12-31"}
INVOLVED = "/v1/figures/organisations_involved"


@pytest.fixture
def ministry(programme: Programme) -> Client:
    return programme.service.client("figures:read", "trail:read")


def test_an_answer_that_is_held_is_not_sent_again(ministry: Client) -> None:
    asked = YEAR | {"known_at": ministry.service.position}
    first = ministry.get(INVOLVED, asked)
    tag = first.headers["ETag"]
    again = ministry.get(INVOLVED, asked, headers={"If-None-Match": tag})
    assert (again.status, again.body) == (304, b"")
    earlier = asked | {"from": "2018-01-01", "to": "2018-12-31"}
    other = ministry.get(INVOLVED, earlier, headers={"If-None-Match": tag})
    assert other.status == 200, "the control: of another year it is another answer"


def test_an_answer_at_a_position_never_changes(ministry: Client, programme: Programme) -> None:
    asked = YEAR | {"known_at": programme.before_twins}
    first = ministry.get(INVOLVED, asked)
    programme.admin.post(
        ("organisation.renamed.v1",
         {"organisation_id": FIRM, "name": "Neu", "effective_on": "2021-01-01"}),
    )  # fmt: skip
    ministry.read(INVOLVED, YEAR)
    again = ministry.get(INVOLVED, asked)
    assert (again.body, again.headers["ETag"]) == (first.body, first.headers["ETag"])


def test_what_was_counted_once_is_not_counted_again(service: Service) -> None:
    """Not by the same question, nor by a report that asks it among others."""
    admin = service.client("admin")
    told = Programme(service)
    asked = {"to": "2019-12-31", "known_at": service.position}
    first = admin.read("/v1/figures/activities", asked)
    with psycopg.connect(service.url, autocommit=True) as conn:
        conn.execute("DELETE FROM models.activity")
    assert admin.get("/v1/figures/activities", asked).json() == first
    earlier = asked | {"known_at": told.before_twins}
    assert admin.get("/v1/figures/activities", earlier).json()["value"] == 0, "the control"


@pytest.mark.parametrize(
    ("figure", "asked", "status", "code", "allowed"),
    [
        ("turnover", {}, 404, "unknown_figure", "activities"),
        ("activities@9", {}, 404, "unknown_version", "Allowed: 1, 2"),
        ("activities", {"by": "colour"}, 422, "unknown_dimension", "quarter"),
        ("activities", {"by": "cluster", "view": "mine"}, 422, "unknown_view", "lead"),
        ("activities", {"cluster": "nowhere"}, 422, "unknown_cluster", "bio"),
        ("sme_share", {"of": "all"}, 422, "unknown_of", "members"),
        ("activities", {"from": "2019-12-31", "to": "2019-01-01"}, 422, "period_reversed",
         "2019-12-31 and later"),
        ("activities", {"to": "1990-12-31"}, 422, "period_outside_ledger", "2008-01-01 to "),
        ("activities", {"to": "2999-12-31"}, 422, "period_outside_ledger", "2008-01-01 to "),
        ("activities", {"known_at": 10_000}, 422, "known_at_in_future", ""),
    ],
)  # fmt: skip
def test_a_figure_that_is_not_there_is_refused_with_what_is(
    ministry: Client, figure: str, asked: dict[str, Any], status: int, code: str, allowed: str
) -> None:
    answer = ministry.get(f"/v1/figures/{figure}", {"to": "2019-12-31"} | asked)
    assert (answer.status, answer.code) == (status, code)
    (finding,) = answer.json()["errors"]
    assert allowed in (finding.get("fix") or "")


@pytest.mark.parametrize("to", ["1990-12-31", "2999-12-31"])
@pytest.mark.parametrize("beside", ["facts", "almost", "restatement"])
def test_what_stands_beside_a_figure_is_held_to_the_same_days(
    ministry: Client, beside: str, to: str
) -> None:
    since = {"since": 1} if beside == "restatement" else {}
    answer = ministry.get(f"/v1/figures/activities/{beside}", {"to": to, **since})
    assert (answer.status, answer.code) == (422, "period_outside_ledger")


def test_the_current_year_may_be_asked_to_its_end(ministry: Client) -> None:
    ends = date(today().year, 12, 31).isoformat()
    assert ministry.get("/v1/figures/activities", {"to": ends}).status == 200


def test_the_facts_behind_a_figure_are_in_the_trail(ministry: Client) -> None:
    found = ministry.read("/v1/figures/participations/facts", YEAR)["items"]
    assert {fact["type"] for fact in found} >= {"activity.held.v1", "attendance.recorded.v1"}
    for fact in found:
        assert ministry.read(f"/v1/facts/{fact['position']}")["fact"]["type"] == fact["type"]


@pytest.mark.parametrize("kind", ["facts", "almost"])
def test_the_facts_of_a_cell_are_csv_too_and_all_of_them(
    ministry: Client, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr("api.routes.figures.CSV_STREAMS", 1)
    asked = YEAR | {"by": "cluster", "key": "bio"}
    path = f"/v1/figures/participations/{kind}"
    items = ministry.read(path, asked)["items"]
    listed = items if kind == "facts" else [fact for one in items for fact in one["facts"]]
    answer = ministry.get(path, asked, headers={"Accept": "text/csv"})
    assert answer.headers["Content-Type"].startswith("text/csv")
    lines = list(csv.DictReader(io.StringIO(answer.body.decode())))
    assert [int(line["position"]) for line in lines] == [one["position"] for one in listed]
    assert len(lines) > 1 or kind == "almost"
    refused = ministry.get(path, YEAR | {"key": "bio"}, headers={"Accept": "text/csv"})
    assert (refused.status, refused.code) == (422, "unknown_row")


def test_what_almost_counted_is_named_with_its_rule(ministry: Client) -> None:
    """Ben was registered, and nobody saw him."""
    (item,) = ministry.read("/v1/figures/distinct_persons/almost", YEAR)["items"]
    assert [fact["type"] for fact in item["facts"]] == ["attendance.registered.v1"]
    assert item["rule"]
    assert item["text"]["en"] == "Registered, but not recorded as having come."
