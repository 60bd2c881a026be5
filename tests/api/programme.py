"""A small programme, told fact by fact, for the tests of the views."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from tests.api.running import Client, Service

UNI, FIRM, TWIN, HEIR, GONE = (str(UUID(int=n)) for n in range(1, 6))
FAIR, TALK, PROJECT = (str(UUID(int=n)) for n in range(11, 14))
ANNA, BEN = (str(UUID(int=n)) for n in range(21, 23))
VIEWS = (
    "organisations",
    "clusters",
    "memberships",
    "activities",
    "attendances",
    "projects",
    "enrolments",
)


def organisation(id: str, name: str, kind: str = "company", **more: Any) -> tuple[str, Any]:
    data = {"organisation_id": id, "name": name, "kind": kind, "effective_on": "2010-01-01"}
    return "organisation.registered.v1", data | more


def activity(id: str, title: str, day: str, *organisers: str) -> tuple[str, Any]:
    return "activity.scheduled.v1", {
        "activity_id": id,
        "title": title,
        "kind": "fair",
        "mode": "onsite",
        "organisers": organisers,
        "starts_on": day,
        "ends_on": day,
    }


def of(who: str, cluster: str, **more: Any) -> dict[str, Any]:
    return {"organisation_id": who, "cluster": cluster, **more}


FACTS: tuple[tuple[str, Any], ...] = (
    ("cluster.registered.v1", {"cluster": "bio", "name": "Bio", "effective_on": "2008-01-01"}),
    ("cluster.registered.v1", {"cluster": "rail", "name": "Rail", "effective_on": "2008-01-01"}),
    ("cluster.renamed.v1", {"cluster": "rail", "name": "Bahn", "effective_on": "2015-01-01"}),
    ("cluster.closed.v1", {"cluster": "rail", "effective_on": "2022-01-01"}),
    organisation(UNI, "Technische Universität Süd", "university", nuts3="DE212"),
    organisation(FIRM, "Müller & Söhne GmbH", nuts3="DE21H", size_class="small", spatial="rural"),
    organisation(TWIN, "MUELLER UND SOEHNE", identifiers=["ror:05591te55"]),
    organisation(HEIR, "Großbau SE", size_class="large"),
    organisation(GONE, "Vergangen AG"),
    (
        "organisation.renamed.v1",
        {"organisation_id": FIRM, "name": "Müller SE", "effective_on": "2018-01-01"},
    ),
    (
        "organisation.merged.v1",
        {"organisation_id": FIRM, "into": HEIR, "effective_on": "2020-01-01"},
    ),
    ("organisation.dissolved.v1", {"organisation_id": GONE, "effective_on": "2016-01-01"}),
    ("membership.admitted.v1", of(UNI, "bio", category="full", effective_on="2012-01-01")),
    ("membership.suspended.v1", of(UNI, "bio", effective_on="2014-01-01")),
    ("membership.ended.v1", of(UNI, "bio", last_day="2015-12-31", cause="resigned")),
    ("membership.admitted.v1", of(GONE, "bio", effective_on="2012-01-01")),
    ("membership.admitted.v1", of(FIRM, "rail", effective_on="2012-01-01")),
    ("membership.applied.v1", of(HEIR, "bio", effective_on="2019-01-01")),
    activity(FAIR, "Messe für Öle", "2019-05-01", "bio", "rail"),
    activity(TALK, "Gespräch", "2030-05-01", "rail"),
    ("activity.held.v1", {"activity_id": FAIR, "held_on": "2019-05-02"}),
    (
        "attendance.recorded.v1",
        {"activity_id": FAIR, "person_ref": ANNA, "organisation_id": FIRM},
    ),
    ("attendance.registered.v1", {"activity_id": FAIR, "person_ref": BEN}),
    ("attendance.registered.v1", {"activity_id": TALK, "person_ref": ANNA}),
    (
        "project.proposed.v1",
        {
            "project_id": PROJECT,
            "title": "Grünes Öl",
            "clusters": ["bio"],
            "effective_on": "2017-01-01",
        },
    ),
    (
        "project.approved.v1",
        {
            "project_id": PROJECT,
            "volume_cents": 500,
            "grant_cents": 200,
            "effective_on": "2017-06-01",
        },
    ),
    ("project.started.v1", {"project_id": PROJECT, "effective_on": "2018-01-01"}),
    (
        "enrolment.started.v1",
        {
            "project_id": PROJECT,
            "organisation_id": UNI,
            "role": "lead",
            "effective_on": "2018-01-01",
        },
    ),
    (
        "project.ended.v1",
        {"project_id": PROJECT, "last_day": "2020-12-31", "outcome": "completed"},
    ),
)


class Programme:
    """A small programme; `before_twins` is the position before a duplicate was found."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.admin = service.client("admin")
        self.auditor = service.client("trail:read")
        self.rail = service.client("trail:read", clusters=["rail"])
        self.receipts = self.admin.post(*FACTS)
        self.before_twins = service.position
        self.admin.post(
            (
                "organisation.marked_duplicate.v1",
                {"organisation_id": TWIN, "of": FIRM, "reason": "same_register_entry"},
            )
        )
        self.list("clusters")  # the read models are there from now on

    def list(self, path: str, client: Client | None = None, **params: Any) -> list[Any]:
        found: list[Any] = (client or self.auditor).read(f"/v1/{path}", params)["items"]
        return found

    def one(self, path: str, **params: Any) -> Any:
        return self.auditor.read(f"/v1/{path}", params)

    def code(self, path: str, client: Client | None = None, **params: Any) -> tuple[int, Any]:
        answer = (client or self.auditor).get(f"/v1/{path}", params)
        return answer.status, answer.code


def ids(items: list[Any], field: str = "organisation_id") -> list[str]:
    return [item[field] for item in items]
