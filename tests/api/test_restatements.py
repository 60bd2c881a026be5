"""The restatement over HTTP."""

from __future__ import annotations

import csv
import io

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
    assert found["before"] == {"filed": filed, "report": "complete@3", "known_at": filed - 1}
    moved = {m["cell"]["figure"]: m["by"] for m in line["moved"] if "by" not in m["cell"]}
    assert moved["participations"] == moved["coverage"] == 39


def test_one_figure_is_restated_between_two_positions(filed: int, auditor: Client) -> None:
    asked = {**YEAR, "since": filed}
    (line,) = auditor.read("/v1/figures/participations/restatement", asked)["facts"]
    assert [moved["by"] for moved in line["moved"]] == [39]
    until = {**asked, "known_at": filed}
    assert auditor.read("/v1/figures/participations/restatement", until)["facts"] == []


@pytest.mark.parametrize(
    ("suffix", "media", "begins"),
    [
        ("csv", "text/csv", b"table,"),
        ("csv?dialect=de", "text/csv", "\ufefftable;".encode()),
        ("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", b"PK"),
        ("pdf", "application/pdf", b"%PDF"),
    ],
)
def test_a_restatement_is_a_file_too(
    filed: int, auditor: Client, suffix: str, media: str, begins: bytes
) -> None:
    auditor.read("/v1/clusters")
    answer = auditor.get(f"/v1/reports/{filed}/diff/now.{suffix}")
    assert answer.status == 200, answer.body
    assert answer.headers["Content-Type"].startswith(media)
    assert answer.headers["Cache-Control"] == "private, no-cache", "now goes on"
    assert answer.body.startswith(begins)


def test_the_csv_of_a_restatement_has_what_its_json_has(filed: int, auditor: Client) -> None:
    (fact,) = auditor.read(f"/v1/reports/{filed}/diff/now")["facts"]
    text = auditor.get(f"/v1/reports/{filed}/diff/now.csv?lang=en").body.decode()
    lines = list(csv.DictReader(io.StringIO(text)))
    moves = [line for line in lines if (line["table"], line["column"]) == ("moves", "moved")]
    assert [int(line["value"]) for line in moves] == [moved["by"] for moved in fact["moved"]]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/v1/reports/1/diff/now", 404, "not_found"),
        ("/v1/reports/{filed}/diff/1", 404, "not_found"),
        ("/v1/reports/{filed}/diff/then", 404, "not_found"),
        ("/v1/reports/{filed}/diff/then.csv", 404, "not_found"),
        ("/v1/reports/1/diff/now.csv", 404, "not_found"),
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
    assert limited.get(f"/v1/reports/{filed}/diff/now.csv").code == "cluster_not_covered"
    asked = limited.get("/v1/figures/activities/restatement", {"since": 1})
    assert asked.code == "cluster_not_covered"
