"""The restatement over HTTP."""

from __future__ import annotations

import pytest

from tests.api.programme import FACTS, FAIR
from tests.api.running import SOURCE, Client, Service

YEAR = {"from": "2019-01-01", "to": "2019-12-31"}


@pytest.fixture
def filed(service: Service) -> int:
    """A report of 2019, filed before its fair was counted."""
    admin = service.client("admin")
    admin.post(*FACTS)
    admin.read("/v1/reports")
    body = {"id": "r1", "source": SOURCE, "report": "complete", "period": YEAR}
    position: int = admin.ask("POST", "/v1/reports", body=body).json()["receipt"]["position"]
    counted = {"activity_id": FAIR, "count": 40, "scope": "total"}
    admin.post(("headcount.recorded.v1", counted))
    return position


@pytest.fixture
def auditor(service: Service) -> Client:
    return service.client("trail:read")


def test_a_filing_is_restated_up_to_now(filed: int, auditor: Client, service: Service) -> None:
    found = auditor.read(f"/v1/reports/{filed}/diff/now")
    (line,) = found["facts"]
    assert (line["position"], line["type"]) == (service.position, "headcount.recorded.v1")
    assert found["before"] == {"filed": filed, "report": "complete@2", "known_at": filed - 1}
    moved = {m["cell"]["figure"]: m["by"] for m in line["moved"] if "by" not in m["cell"]}
    assert moved["participations"] == moved["coverage"] == 39


def test_one_figure_is_restated_between_two_positions(filed: int, auditor: Client) -> None:
    asked = {**YEAR, "since": filed}
    (line,) = auditor.read("/v1/figures/participations/restatement", asked)["facts"]
    assert [moved["by"] for moved in line["moved"]] == [39]
    until = {**asked, "known_at": filed}
    assert auditor.read("/v1/figures/participations/restatement", until)["facts"] == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/reports/1/diff/now", 404, "not_found"),
        ("/v1/reports/{filed}/diff/1", 404, "not_found"),
        ("/v1/reports/{filed}/diff/then", 404, "not_found"),
        ("/v1/reports/{filed}/diff/now?evaluations=-1", 400, "invalid_parameter"),
        ("/v1/figures/nothing/restatement?since=1", 404, "unknown_figure"),
        ("/v1/figures/activities/restatement", 400, "invalid_parameter"),
        ("/v1/figures/activities/restatement?since=9999", 422, "known_at_in_future"),
        ("/v1/figures/activities/restatement?since=1&by=colour", 422, "unknown_dimension"),
        ("/v1/figures/activities/restatement?since=5&known_at=4", 422, "reports_not_comparable"),
    ],
)
def test_a_bad_question_is_refused(
    filed: int, auditor: Client, path: str, status: int, code: str
) -> None:
    auditor.read("/v1/clusters")
    answer = auditor.get(path.format(filed=filed))
    assert (answer.status, answer.code) == (status, code)


def test_a_key_limited_to_clusters_sees_no_restatement(filed: int, service: Service) -> None:
    limited = service.client("trail:read", clusters=["bio"])
    assert limited.get(f"/v1/reports/{filed}/diff/now").code == "cluster_not_covered"
    asked = limited.get("/v1/figures/activities/restatement", {"since": 1})
    assert asked.code == "cluster_not_covered"
