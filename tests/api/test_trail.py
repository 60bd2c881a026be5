"""The trail over HTTP: filters, pages, exports, single facts, and who sees which."""

from __future__ import annotations

import base64
from hashlib import sha256
from typing import Any
from uuid import UUID, uuid4

import orjson
import pytest

from tests.api.running import SOURCE, Answer, Client, Service

ORG, OTHER_ORG = str(UUID(int=1)), str(UUID(int=2))
ACTIVITY, RAIL_ACTIVITY, PERSON = str(UUID(int=3)), str(UUID(int=4)), str(UUID(int=5))
NDJSON = {"Accept": "application/x-ndjson"}


class Told:
    """A small story, recorded once: two clusters, a void and its replacement."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.admin = service.client("admin")
        self.auditor = service.client("trail:read")
        self.biotech = service.client("trail:read", clusters=["biotech"])
        self.receipts = self.admin.post(
            ("cluster.registered.v1", named("biotech")),
            ("cluster.registered.v1", named("rail")),
            ("organisation.registered.v1", organisation(ORG, "Müller GmbH")),
            ("organisation.registered.v1", organisation(OTHER_ORG, "Bahn AG")),
            ("membership.admitted.v1", membership(ORG, "biotech")),
            ("membership.admitted.v1", membership(OTHER_ORG, "rail")),
            ("activity.scheduled.v1", activity(ACTIVITY, "biotech")),
            ("activity.scheduled.v1", activity(RAIL_ACTIVITY, "rail")),
            ("attendance.recorded.v1", attendance(ACTIVITY)),
            ("attendance.recorded.v1", attendance(RAIL_ACTIVITY)),
        )
        wrong = service.event("organisation.renamed.v1", renamed("Mueller AG"))
        void = service.event("fact.voided.v1", {"target": wrong["id"], "reason": "typo"})
        right = service.event("organisation.renamed.v1", renamed("Müller SE"))
        right["causationid"] = void["id"]
        right["correlationid"] = "ticket-7"
        self.wrong = self.admin.post_events([wrong])[0]
        self.void, self.right = self.admin.post_events([void, right])
        self.head = service.position
        self.list(self.admin)  # the read models are there from now on

    def list(self, client: Client, **params: Any) -> list[int]:
        return [item["position"] for item in client.read("/v1/facts", params)["items"]]


def named(cluster: str) -> dict[str, Any]:
    return {"cluster": cluster, "name": cluster.title(), "effective_on": "2010-01-01"}


def organisation(organisation_id: str, name: str) -> dict[str, Any]:
    return {
        "organisation_id": organisation_id,
        "name": name,
        "kind": "company",
        "effective_on": "2010-01-01",
    }


def renamed(name: str) -> dict[str, Any]:
    return {"organisation_id": ORG, "name": name, "effective_on": "2020-01-01"}


def membership(organisation_id: str, cluster: str) -> dict[str, Any]:
    return {
        "organisation_id": organisation_id,
        "cluster": cluster,
        "effective_on": "2012-01-01",
    }


def activity(activity_id: str, *organisers: str) -> dict[str, Any]:
    return {
        "activity_id": activity_id,
        "title": "Tag der Technik",
        "kind": "conference",
        "mode": "onsite",
        "organisers": organisers,
        "starts_on": "2024-05-01",
        "ends_on": "2024-05-01",
    }


def attendance(activity_id: str) -> dict[str, Any]:
    return {"activity_id": activity_id, "person_ref": PERSON, "organisation_id": ORG}


@pytest.fixture(scope="module")
def told(shared_service: Service) -> Told:
    return Told(shared_service)


def test_the_trail_starts_with_the_newest_fact(told: Told) -> None:
    assert told.list(told.auditor) == list(range(told.head, 0, -1))


def test_the_trail_can_start_with_the_oldest_fact(told: Told) -> None:
    assert told.list(told.auditor, order="oldest") == list(range(1, told.head + 1))


def test_after_and_before_leave_out_their_positions(told: Told) -> None:
    assert told.list(told.auditor, after=3, before=6, order="oldest") == [4, 5]


def test_a_fact_is_shown_as_it_was_recorded(told: Told) -> None:
    (item,) = told.auditor.read("/v1/facts", {"stream": told.receipts[4]["stream"]})["items"]

    receipt = told.receipts[4]
    for field in ("id", "source", "position", "recorded_at", "leaf_hash", "stream", "version"):
        assert item[field] == receipt[field]
    assert item["type"] == "membership.admitted.v1"
    assert item["data"] == membership(ORG, "biotech")
    assert item["clusters"] == ["biotech"]
    assert item["actor"].startswith("key:")
    assert "voided_by" not in item


def test_a_voided_fact_names_its_void(told: Told) -> None:
    (item,) = told.auditor.read(
        "/v1/facts", {"after": told.wrong["position"] - 1, "before": told.void["position"]}
    )["items"]
    assert item["voided_by"] == told.void["position"]


def test_causation_and_correlation_are_kept(told: Told) -> None:
    item = told.auditor.read("/v1/facts", {"limit": 1})["items"][0]
    assert (item["causation"], item["correlation"]) == (told.void["id"], "ticket-7")


def test_pages_follow_each_other_without_gap_or_repetition(told: Told) -> None:
    for order in ("newest", "oldest"):
        seen: list[int] = []
        params: dict[str, Any] = {"limit": 3, "order": order}
        while True:
            page = told.auditor.read("/v1/facts", params)
            seen += [item["position"] for item in page["items"]]
            if page["next"] is None:
                break
            params["cursor"] = page["next"]
        assert seen == told.list(told.auditor, order=order)


def test_the_next_page_stands_in_the_link_header_too(told: Told) -> None:
    answer = told.auditor.get("/v1/facts", {"limit": 2})
    link, _, relation = answer.headers["Link"].partition("; ")

    following = told.auditor.get(link.strip("<>"))

    assert relation == 'rel="next"'
    assert [item["position"] for item in following.json()["items"]] == [
        told.head - 2,
        told.head - 3,
    ]


def test_the_last_page_has_no_link(told: Told) -> None:
    answer = told.auditor.get("/v1/facts", {"limit": 1000})
    assert "Link" not in answer.headers
    assert answer.json()["next"] is None


@pytest.mark.parametrize("cursor", ["x", "AAAA", "%00", "WyJhIiwiIiw", "W10", "🙂", "x" * 5000])
def test_a_cursor_of_another_making_is_refused(told: Told, cursor: str) -> None:
    answer = told.auditor.get("/v1/facts", {"cursor": cursor})
    assert (answer.status, answer.code) in {(400, "invalid_cursor"), (400, "invalid_parameter")}


def test_a_cursor_belongs_to_its_filters(told: Told) -> None:
    cursor = told.auditor.read("/v1/facts", {"limit": 1})["next"]
    answer = told.auditor.get("/v1/facts", {"limit": 1, "cursor": cursor, "type": "cluster."})
    assert answer.code == "invalid_cursor"


def test_several_types_can_be_asked_for(told: Told) -> None:
    types = "cluster.registered.v1,membership.admitted.v1"
    assert told.list(told.auditor, type=types, order="oldest") == [1, 2, 5, 6]


def test_a_type_that_ends_in_a_dot_stands_for_all_that_begin_with_it(told: Told) -> None:
    assert told.list(told.auditor, type="organisation.", order="oldest") == [
        3,
        4,
        told.wrong["position"],
        told.right["position"],
    ]


def test_an_unknown_type_is_refused(told: Told) -> None:
    answer = told.auditor.get("/v1/facts", {"type": "attendance"})
    assert (answer.status, answer.code) == (400, "invalid_parameter")


def test_an_organisation_is_found_in_every_stream_that_names_it(told: Told) -> None:
    found = told.list(told.auditor, entity=ORG, order="oldest")
    expected = [3, 5, 9, 10, *(r["position"] for r in (told.wrong, told.void, told.right))]
    assert found == expected


def test_a_person_is_found_in_every_attendance(told: Told) -> None:
    assert told.list(told.auditor, entity=PERSON) == [10, 9]


def test_an_activity_is_found_with_its_attendances(told: Told) -> None:
    assert told.list(told.auditor, entity=ACTIVITY) == [9, 7]


def test_filters_narrow_each_other(told: Told) -> None:
    found = told.list(told.auditor, entity=PERSON, cluster="rail", type="attendance.")
    assert found == [10]
    assert told.list(told.auditor, entity=PERSON, stream=told.receipts[0]["stream"]) == []
    assert told.list(told.auditor, cluster="rail", type="activity.") == [8]


def test_a_cluster_is_found_in_what_concerns_it(told: Told) -> None:
    assert told.list(told.auditor, cluster="biotech") == [9, 7, 5, 1]


def test_facts_are_found_by_who_recorded_them(told: Told) -> None:
    actor = told.auditor.read("/v1/facts", {"limit": 1})["items"][0]["actor"]
    assert len(told.list(told.auditor, actor=actor)) == told.head
    assert told.list(told.auditor, actor=f"key:{uuid4()}") == []


def test_facts_are_found_by_when_they_were_recorded(told: Told) -> None:
    instant = told.wrong["recorded_at"]
    later = told.list(told.auditor, recorded_from=instant)
    sooner = told.list(told.auditor, recorded_to=instant)
    assert min(later) == told.wrong["position"] == max(sooner)
    assert told.list(told.auditor, recorded_from="2000-01-01", recorded_to="2000-12-31") == []
    assert len(told.list(told.auditor, recorded_from="2000-01-01")) == told.head


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "2026-01-01T10:00:00", "0001-01-01T00:00:00Z"]
)
def test_an_instant_that_is_none_is_refused(told: Told, text: str) -> None:
    answer = told.auditor.get("/v1/facts", {"recorded_from": text})
    assert (answer.status, answer.code) == (400, "invalid_parameter")


@pytest.mark.parametrize(
    "params",
    [
        {"limit": 0},
        {"limit": 1001},
        {"limit": "many"},
        {"after": -1},
        {"before": 2**53},
        {"stream": "x"},
        {"order": "random"},
        {"colour": "red"},
        {"actor": "\x00"},
    ],
)
def test_a_parameter_out_of_its_bounds_is_refused(told: Told, params: dict[str, Any]) -> None:
    answer = told.auditor.get("/v1/facts", params)
    assert (answer.status, answer.code) == (400, "invalid_parameter")


def test_a_form_that_is_not_offered_is_refused(told: Told) -> None:
    answer = told.auditor.get("/v1/facts", headers={"Accept": "text/csv"})
    assert (answer.status, answer.code) == (406, "not_acceptable")


def lines(answer: Answer) -> tuple[list[bytes], dict[str, Any]]:
    assert answer.status == 200
    *facts, last = answer.body.splitlines(keepends=True)
    return facts, orjson.loads(last)


def test_ndjson_gives_every_leaf_as_stored(told: Told) -> None:
    facts, _ = lines(told.auditor.get("/v1/facts", headers=NDJSON))

    hashes = [sha256(b"\x00" + fact.rstrip(b"\n")).hexdigest() for fact in facts]

    assert hashes[: len(told.receipts)] == [r["leaf_hash"] for r in told.receipts]
    assert len(facts) == told.head


def test_ndjson_ends_with_what_makes_it_checkable(told: Told) -> None:
    facts, last = lines(told.auditor.get("/v1/facts", {"type": "cluster."}, headers=NDJSON))
    digest = sha256(b"".join(facts)).hexdigest()
    assert last == {"position": told.head, "count": 2, "sha256": digest}


def test_ndjson_of_nothing_is_its_last_line(told: Told) -> None:
    facts, last = lines(told.auditor.get("/v1/facts", {"entity": uuid4()}, headers=NDJSON))
    assert facts == []
    assert last == {"position": told.head, "count": 0, "sha256": sha256(b"").hexdigest()}


def test_ndjson_may_start_with_the_newest(told: Told) -> None:
    facts, _ = lines(told.auditor.get("/v1/facts", {"order": "newest"}, headers=NDJSON))
    assert [orjson.loads(f)["position"] for f in facts] == list(range(told.head, 0, -1))


def test_ndjson_goes_on_over_its_pages(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("api.routes.trail.EXPORT_PAGE_FACTS", 2)
    for order in ("oldest", "newest"):
        facts, last = lines(told.auditor.get("/v1/facts", {"order": order}, headers=NDJSON))
        assert len(facts) == last["count"] == told.head


def test_ndjson_knows_no_pages(told: Told) -> None:
    answer = told.auditor.get("/v1/facts", {"limit": 10}, headers=NDJSON)
    assert answer.code == "invalid_parameter"


def test_one_fact_comes_with_its_receipt(told: Told) -> None:
    wanted = told.receipts[4]
    receipt = told.auditor.read(f"/v1/facts/{wanted['position']}")["receipt"]
    assert receipt == {k: v for k, v in wanted.items() if k != "status"}


def test_one_fact_comes_with_its_void_its_cause_and_its_effects(told: Told) -> None:
    voided = told.auditor.read(f"/v1/facts/{told.wrong['position']}")
    void = told.auditor.read(f"/v1/facts/{told.void['position']}")
    right = told.auditor.read(f"/v1/facts/{told.right['position']}")

    assert voided["voided_by"]["id"] == told.void["id"]
    assert [fact["id"] for fact in void["effects"]] == [told.right["id"]]
    assert [fact["id"] for fact in right["causes"]] == [told.void["id"]]


def test_a_leaf_can_be_checked_against_its_hash(told: Told) -> None:
    path = f"/v1/facts/{told.right['position']}"
    leaf = base64.b64decode(told.auditor.read(path)["leaf"])
    raw = told.auditor.get(path, headers={"Accept": "application/octet-stream"})

    assert raw.body == leaf
    assert sha256(b"\x00" + leaf).hexdigest() == told.right["leaf_hash"]


@pytest.mark.parametrize("position", ["0", "999", "-1", "x", str(10**30)])
def test_a_position_without_a_fact_is_not_found(told: Told, position: str) -> None:
    answer = told.auditor.get(f"/v1/facts/{position}")
    assert (answer.status, answer.code) == (404, "not_found")


def test_a_key_with_clusters_sees_theirs_and_what_all_share(told: Told) -> None:
    shared = [1, 2, 3, 4, *(r["position"] for r in (told.wrong, told.void, told.right))]
    assert told.list(told.biotech, order="oldest") == sorted({*shared, 5, 7, 9})


def test_a_key_with_clusters_exports_no_more_than_it_sees(told: Told) -> None:
    facts, _ = lines(told.biotech.get("/v1/facts", {"entity": ORG}, headers=NDJSON))
    assert 10 not in [orjson.loads(fact)["position"] for fact in facts]


def test_a_key_with_clusters_does_not_see_a_fact_of_another(told: Told) -> None:
    answer = told.biotech.get("/v1/facts/6")
    assert (answer.status, answer.code) == (404, "not_found")


def test_a_key_with_clusters_may_not_ask_for_another(told: Told) -> None:
    answer = told.biotech.get("/v1/facts", {"cluster": "rail"})
    assert (answer.status, answer.code) == (403, "cluster_not_covered")


@pytest.mark.parametrize("path", ["/v1/facts", "/v1/facts/1", "/v1/facts/live"])
def test_the_trail_needs_its_scope(told: Told, path: str) -> None:
    answer = told.service.client("figures:read").get(path)
    assert (answer.status, answer.code) == (403, "scope_missing")
    assert told.service.public().get(path).code == "unauthenticated"


def test_an_attendance_voided_as_a_whole_names_its_void(service: Service, admin: Client) -> None:
    admin.post(
        ("cluster.registered.v1", named("biotech")),
        ("activity.scheduled.v1", activity(ACTIVITY, "biotech")),
        ("attendance.registered.v1", {"activity_id": ACTIVITY, "person_ref": PERSON}),
        ("attendance.recorded.v1", {"activity_id": ACTIVITY, "person_ref": PERSON}),
        (
            "attendance.voided.v1",
            {"activity_id": ACTIVITY, "person_ref": PERSON, "reason": "other person"},
        ),
        ("attendance.recorded.v1", {"activity_id": ACTIVITY, "person_ref": PERSON}),
    )
    items = admin.read("/v1/facts", {"type": "attendance.", "order": "oldest"})["items"]
    assert [item.get("voided_by") for item in items] == [5, 5, None, None]


def test_a_source_that_is_not_the_ledgers_own_is_no_cause(service: Service, admin: Client) -> None:
    first = service.event("cluster.registered.v1", named("biotech"), SOURCE)
    other = service.event("cluster.registered.v1", named("rail"), "//other.example/app")
    other["causationid"] = first["id"]
    admin.post_events([first, other])
    assert "effects" not in admin.read("/v1/facts/1")
    assert "causes" not in admin.read("/v1/facts/2")
