"""Filing reports and closing periods over HTTP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
import structlog

from projections.rebuild import rebuild
from tests.api.programme import FACTS, FAIR, FIRM
from tests.api.running import SOURCE, Answer, Client, Service
from tests.pages.browser import Browser

YEAR = {"from": "2019-01-01", "to": "2019-12-31"}


@pytest.fixture
def filer(service: Service) -> Client:
    """Files reports and reads figures; records no facts."""
    client = service.client("reports:file", "figures:read")
    service.client("admin").post(*FACTS)
    client.read("/v1/figures/activities")
    return client


def file(client: Client, id: str = "r1", **given: Any) -> Answer:
    body = {"id": id, "source": SOURCE, "report": "complete", "period": YEAR} | given
    return client.ask("POST", "/v1/reports", body={k: v for k, v in body.items() if v is not None})


def filed(client: Client, id: str = "r1", **given: Any) -> int:
    answer = file(client, id, **given)
    assert answer.status == 201, answer.body
    client.service.position = position = answer.json()["receipt"]["position"]
    client.read("/v1/reports")
    found: int = position
    return found


def late_headcount(service: Service) -> None:
    data = {"activity_id": FAIR, "count": 4000, "scope": "total"}
    service.client("admin").post(("headcount.recorded.v1", data))


def test_a_filed_report_says_what_it_rests_on(filer: Client) -> None:
    answer = file(filer)
    assert answer.status == 201
    receipt, filing = answer.json()["receipt"], answer.json()["filed"]
    assert answer.headers["Location"] == f"/v1/reports/{receipt['position']}"
    assert filing["report"] == "complete@3"
    assert filing["known_at"] == receipt["position"] - 1
    assert "activities@2" in {used["definition"] for used in filing["definitions"]}
    filer.service.position = receipt["position"]
    assert filer.read("/v1/reports")["items"] == [filing]


def test_a_filed_report_stays_through_further_facts_and_a_rebuild(
    filer: Client, service: Service
) -> None:
    position = filed(filer)
    first = filer.get(f"/v1/reports/{position}")
    late_headcount(service)
    filer.read("/v1/reports")
    rebuild(service.url)
    again = filer.get(f"/v1/reports/{position}")
    assert again.status == 200
    assert again.body == first.body
    later = filer.read(f"/v1/reports/{filed(filer, 'r2')}")
    assert later["report"]["tables"] != again.json()["report"]["tables"], "the control"


def test_filing_again_under_the_same_id_files_nothing_twice(
    filer: Client, service: Service
) -> None:
    position = filed(filer)
    late_headcount(service)
    filer.read("/v1/reports")
    again = file(filer)
    assert again.status == 200
    assert again.json()["receipt"]["position"] == position
    other = file(filer, report="cumulative_headline")
    assert (other.status, other.code) == (409, "idempotency_conflict")


def test_a_report_can_be_filed_from_the_programmes_start(filer: Client) -> None:
    position = filed(filer, report="cumulative_headline", period={"to": "2019-12-31"})
    answer = filer.read(f"/v1/reports/{position}")
    assert answer["filed"]["period"] == {"from": None, "to": "2019-12-31"}
    assert answer["report"]["period"] == answer["filed"]["period"]


def test_latest_leads_to_the_newest_filing(filer: Client) -> None:
    assert filer.get("/v1/reports/latest", {"report": "complete"}).code == "not_found"
    filed(filer)
    newest = filed(filer, "r2")
    filed(filer, "r3", report="cumulative_headline")
    answer = filer.get("/v1/reports/latest", {"report": "complete"})
    assert (answer.status, answer.headers["Location"]) == (303, f"/v1/reports/{newest}")


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ({"report": "nothing"}, 404, "unknown_report"),
        ({"report": "complete@99"}, 404, "unknown_report_version"),
        ({"parameters": {"colour": "red"}}, 422, "unknown_report_parameter"),
        (
            {"report": "cumulative_headline", "parameters": {"cluster": "nowhere"}},
            422,
            "unknown_cluster",
        ),
        ({"period": {"from": "2019-12-31", "to": "2019-01-01"}}, 422, "period_reversed"),
        ({"period": {"from": "1850-01-01", "to": "2019-01-01"}}, 422, "date_out_of_range"),
        ({"period": {"to": "1990-12-31"}}, 422, "period_outside_ledger"),
        ({"period": {"to": "2999-12-31"}}, 422, "period_outside_ledger"),
        ({"known_at": 10_000}, 422, "known_at_in_future"),
        ({"known_at": -1}, 422, "invalid_body"),
        ({"known_at": "now"}, 422, "invalid_body"),
        ({"period": {"to": "31.12.2019"}}, 422, "invalid_body"),
        ({"period": None}, 422, "invalid_body"),
        ({"id": None}, 422, "invalid_body"),
        ({"color": "red"}, 422, "invalid_body"),
    ],
)
def test_a_bad_filing_is_refused_and_records_nothing(
    filer: Client, service: Service, given: dict[str, Any], status: int, code: str
) -> None:
    before = filer.read("/v1/reports")
    answer = file(filer, **given)
    assert (answer.status, answer.code) == (status, code)
    assert answer.json()["errors"], "the problem names what is wrong"
    assert filer.read("/v1/reports") == before


def test_a_report_over_an_open_import_is_filed_on_purpose_only(
    filer: Client, service: Service
) -> None:
    data = {"activity_id": FAIR, "sha256": "ab" * 32, "rows": 3, "complete": True}
    service.client("admin").post(("attendance_list.imported.v1", data))
    filer.read("/v1/reports")
    refused = file(filer)
    assert (refused.status, refused.code) == (409, "import_open")
    assert f"1/3 Messe für Öle, 2019-05-02, {FAIR}" in refused.json()["detail"]
    assert "open_imports=accepted" in refused.json()["errors"][0]["fix"]
    position = filed(filer, parameters={"open_imports": "accepted"})
    assert filer.read(f"/v1/reports/{position}")["filed"]["parameters"] == {
        "open_imports": "accepted"
    }
    everybody = Client(service, None).get(f"/v1/reports/{position}.json")
    assert everybody.status == 200, "it narrows nothing, so there is a public version"


def test_filing_needs_its_scope_and_source(filer: Client, service: Service) -> None:
    reader = service.client("figures:read", "trail:read")
    assert file(reader).code == "scope_missing"
    elsewhere = service.client("reports:file", sources=["//elsewhere.example"])
    assert file(elsewhere).code == "source_not_covered"


def test_who_files_may_not_record_a_report_as_a_fact(filer: Client, service: Service) -> None:
    filing = filer.read(f"/v1/reports/{filed(filer)}")["filed"]
    made_up = {
        "report": "complete@3",
        "period_from": "2019-01-01",
        "period_to": "2019-12-31",
        "parameters": {},
        "known_at": filing["known_at"],
        "definitions": filing["definitions"],
        "sha256": "ab" * 32,
    }
    event = service.event("report.published.v1", made_up)
    headers = {"Content-Type": "application/cloudevents+json"}
    answer = filer.ask("POST", "/v1/facts", headers=headers, body=event)
    assert answer.code == "scope_missing"


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as events:
        yield events


def test_a_report_that_comes_out_otherwise_is_never_served(
    filer: Client, service: Service, logged: list[Any]
) -> None:
    position = filed(filer)
    assert filer.get(f"/v1/reports/{position}").status == 200, "the control"
    with psycopg.connect(service.url, autocommit=True) as conn:
        conn.execute("UPDATE models.activity SET total = 77 WHERE activity_id = %s", (FAIR,))
    answer = filer.get(f"/v1/reports/{position}")
    assert (answer.status, answer.code) == (500, "report_mismatch")
    assert "report_mismatch" in {event["event"] for event in logged}


def filing_digest(service: Service, position: int) -> str:
    listed = service.client("figures:read").read("/v1/reports")["items"]
    return next(one["sha256"] for one in listed if one["position"] == position)


def test_its_page_shows_both_digests_and_no_number(filer: Client, service: Service) -> None:
    position = filed(filer)
    with psycopg.connect(service.url, autocommit=True) as conn:
        conn.execute("UPDATE models.activity SET total = 77 WHERE activity_id = %s", (FAIR,))
    page = Browser(service)
    page.sign_in(service.key("figures:read")[0])
    status, _, text = page.get(f"/en/reports/{position}")
    assert status == 500
    assert "The digest does not agree" in text
    digest, made_again = re.findall(r"<code>([0-9a-f]{64})</code>", text)
    assert digest == filing_digest(service, position)
    assert made_again != digest
    assert "<table" not in text, "what came out otherwise is not shown"


def close(client: Client, id: str = "c1", **given: Any) -> Answer:
    body = {"id": id, "source": SOURCE, "period": YEAR} | given
    return client.ask("POST", "/v1/periods", body=body)


def test_a_closed_period_keeps_its_figures_digests(filer: Client) -> None:
    closed = close(filer).json()["closed"]
    asked = {**YEAR, "known_at": closed["known_at"]}
    for definition, digest in zip(closed["definitions"], closed["digests"], strict=True):
        figure, _, version = definition.partition("@")
        answer = filer.read(f"/v1/figures/{figure}", asked)
        assert answer["digest"] == digest
        assert answer["definition"].endswith(f"@{version}")


def test_a_period_is_closed_once(filer: Client) -> None:
    assert close(filer, figures=["activities"]).status == 201
    assert close(filer).status == 200, "repeated under its id"
    assert close(filer, "c2").code == "period_already_closed"
    assert close(filer, "c3", figures=["nothing"]).code == "unknown_figure"
    assert close(filer, "c4", period={"from": "2019-02-01", "to": "2019-01-01"}).status == 422


def test_the_trail_marks_a_fact_that_comes_after_the_closing(
    filer: Client, service: Service
) -> None:
    closing = close(filer).json()["receipt"]["position"]
    late_headcount(service)
    data = {"organisation_id": FIRM, "cluster": "bio", "effective_on": "2018-06-01"}
    service.client("admin").post(("membership.admitted.v1", data))
    auditor = service.client("trail:read")
    earlier, counted = auditor.read("/v1/facts", {"limit": 2})["items"]
    assert "late" not in earlier
    assert counted["late"] == [closing]
    assert auditor.read(f"/v1/facts/{counted['position']}")["fact"]["late"] == [closing]


def test_a_voided_filing_can_be_read_and_says_what_voided_it(
    filer: Client, service: Service
) -> None:
    position = filed(filer)
    admin = service.client("admin")
    valid = filer.read(f"/v1/reports/{position}")
    assert valid["filed"]["voided_by"] is None
    (void,) = admin.post(
        ("fact.voided.v1", {"target": "r1", "target_source": SOURCE, "reason": "wrong"})
    )
    filer.read("/v1/reports")
    gone = filer.read(f"/v1/reports/{position}")
    assert gone["filed"]["voided_by"] == void["position"]
    assert gone["report"] == valid["report"]
    page, known = (
        client.get(f"/en/reports/{position}", headers={"Prefer": "wait=10"}).body.decode()
        for client in (service.public(), admin)
    )
    assert "This report was voided" in page
    link = f"/en/trail/{void['position']}"
    assert link in known
    assert link not in page, "the public does not see the trail"
