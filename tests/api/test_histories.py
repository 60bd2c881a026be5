"""Histories: every change of one thing, with who and why."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.programme import (
    ANNA,
    FAIR,
    FIRM,
    HEIR,
    PROJECT,
    TWIN,
    UNI,
    Programme,
    activity,
    organisation,
)
from tests.api.running import Client, Service


def changes(item: Any) -> dict[str, Any]:
    return {change["field"]: (change["before"], change["after"]) for change in item["changes"]}


def test_a_history_tells_who_changed_what_and_when(programme: Programme) -> None:
    history = programme.one(f"organisations/{FIRM}/history")
    registered, renamed, merged = history["items"]

    assert [item["type"] for item in history["items"]] == [
        "organisation.registered.v1",
        "organisation.renamed.v1",
        "organisation.merged.v1",
    ]
    assert changes(registered)["spatial"] == (None, "rural")
    assert registered["actor"].startswith("key:")
    assert renamed["effective_on"] == "2018-01-01"
    assert renamed["changes"] == [
        {
            "field": "name",
            "before": "Müller & Söhne GmbH",
            "after": "Müller SE",
            "valid_from": "2018-01-01",
            "valid_to": None,
        }
    ]
    assert changes(merged) == {"merged_into": (None, HEIR), "merged_on": (None, "2020-01-01")}
    assert history["facts"] == f"/v1/facts?entity={FIRM}"


def test_a_history_ends_where_knowledge_ended(programme: Programme) -> None:
    registered = programme.receipts[5]["position"]
    history = programme.one(f"organisations/{FIRM}/history", known_at=registered)
    assert [item["position"] for item in history["items"]] == [registered]
    path = f"organisations/{FIRM}/history"
    assert programme.code(path, known_at=registered - 1) == (404, "not_found")


def test_a_history_gives_the_reason(programme: Programme) -> None:
    marked = programme.one(f"organisations/{TWIN}/history")["items"][-1]
    assert marked["reason"] == "same_register_entry"
    assert changes(marked) == {"duplicate_of": (None, FIRM)}


def test_a_membership_changes_by_days(programme: Programme) -> None:
    _, suspended, ended = programme.one(f"memberships/{UNI}/bio/history")["items"]
    assert changes(suspended) == {"status": ("member", "suspended")}
    assert ended["effective_on"] == "2016-01-01"
    assert changes(ended) == {
        "status": ("suspended", None),
        "category": ("full", None),
        "causes": ([], ["resigned"]),
    }


@pytest.mark.parametrize(
    "path",
    [
        "clusters/rail",
        f"activities/{FAIR}",
        f"attendances/{FAIR}/{ANNA}",
        f"projects/{PROJECT}",
        f"enrolments/{PROJECT}/{UNI}",
    ],
)
def test_every_view_has_its_history(programme: Programme, path: str) -> None:
    items = programme.one(f"{path}/history")["items"]
    assert [item["version"] for item in items] == list(range(1, len(items) + 1))
    assert all(item["changes"] for item in items)


def test_a_correction_shows_what_it_took_back(service: Service, admin: Client) -> None:
    registered = service.event(*organisation(FIRM, "Firma"))
    typed = {"organisation_id": FIRM, "name": "Fimra AG", "effective_on": "2015-01-01"}
    wrong = service.event("organisation.renamed.v1", typed)
    void = service.event("fact.voided.v1", {"target": wrong["id"], "reason": "typo"})
    right = service.event("organisation.renamed.v1", typed | {"name": "Firma AG"})
    right["causationid"] = void["id"]
    admin.post_events([registered, wrong])
    admin.post_events([void, right])

    _, wrong_item, void_item, right_item = admin.read(f"/v1/organisations/{FIRM}/history")["items"]

    assert (wrong_item["voided_by"], void_item["reason"]) == (3, "typo")
    assert changes(void_item) == {"name": ("Fimra AG", "Firma")}
    assert changes(right_item) == {"name": ("Firma", "Firma AG")}
    assert right_item["causation"] == void["id"]
    names = {
        at: admin.read(f"/v1/organisations/{FIRM}", {"known_at": at})["name"] for at in range(1, 5)
    }
    assert names == {1: "Firma", 2: "Fimra AG", 3: "Firma", 4: "Firma AG"}


def test_a_backdated_fact_changes_only_its_days(service: Service, admin: Client) -> None:
    name = {"organisation_id": FIRM}
    admin.post(
        organisation(FIRM, "A"),
        ("organisation.renamed.v1", name | {"name": "C", "effective_on": "2020-01-01"}),
        ("organisation.renamed.v1", name | {"name": "B", "effective_on": "2015-01-01"}),
    )
    backdated = admin.read(f"/v1/organisations/{FIRM}/history")["items"][2]
    assert backdated["changes"] == [
        {
            "field": "name",
            "before": "A",
            "after": "B",
            "valid_from": "2015-01-01",
            "valid_to": "2020-01-01",
        }
    ]


def test_a_handed_over_activity_is_told_to_each_as_far_as_it_concerns_them(
    service: Service, admin: Client
) -> None:
    for code in ("bio", "rail"):
        admin.post(
            ("cluster.registered.v1", {"cluster": code, "name": code, "effective_on": "2008-01-01"})
        )
    admin.post(
        activity(FAIR, "Messe", "2019-05-01", "bio"),
        ("activity.changed.v1", {"activity_id": FAIR, "organisers": ["rail"]}),
        ("activity.held.v1", {"activity_id": FAIR, "held_on": "2019-05-01"}),
    )
    seen = {
        code: [
            item["position"]
            for item in service.client("trail:read", clusters=[code]).read(
                f"/v1/activities/{FAIR}/history"
            )["items"]
        ]
        for code in ("bio", "rail")
    }
    assert seen == {"bio": [3, 4], "rail": [4, 5]}
