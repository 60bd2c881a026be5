"""The views over HTTP: what was so on a day, as known at a position; and every change of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

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


@pytest.fixture(scope="module")
def programme(shared_service: Service) -> Programme:
    return Programme(shared_service)


def ids(items: list[Any], field: str = "organisation_id") -> list[str]:
    return [item[field] for item in items]


def test_a_cluster_bears_the_name_of_the_day(programme: Programme) -> None:
    names = [programme.one("clusters/rail", as_of=f"{y}-06-01")["name"] for y in (2010, 2016)]
    assert names == ["Rail", "Bahn"]


def test_a_closed_cluster_is_there_until_the_day_before(programme: Programme) -> None:
    last = programme.one("clusters/rail", as_of="2021-12-31")
    assert last["closed_on"] == "2022-01-01"
    assert programme.code("clusters/rail", as_of="2022-01-01") == (404, "not_found")
    assert ids(programme.list("clusters"), "cluster") == ["bio"]


def test_an_answer_says_what_it_was_asked(programme: Programme) -> None:
    answer = programme.one("organisations", as_of="2019-01-01", known_at=8)
    assert (answer["as_of"], answer["known_at"]) == ("2019-01-01", 8)
    one = programme.one(f"organisations/{UNI}", as_of="2019-01-01", known_at=8)
    assert (one["as_of"], one["known_at"]) == ("2019-01-01", 8)


def test_what_was_not_yet_known_is_not_there(programme: Programme) -> None:
    registered = programme.receipts[4]["position"]
    params = {"as_of": "2019-01-01"}
    assert programme.code(f"organisations/{UNI}", known_at=registered, **params)[0] == 200
    assert programme.code(f"organisations/{UNI}", known_at=registered - 1, **params)[0] == 404


def test_what_is_not_there_says_at_which_cut(programme: Programme) -> None:
    answer = programme.auditor.get(f"/v1/organisations/{UNI}", {"as_of": "2009-12-31"})
    assert "on 2009-12-31, as known at position" in answer.json()["detail"]


def test_an_organisation_has_the_profile_of_the_day(programme: Programme) -> None:
    item = programme.one(f"organisations/{FIRM}", as_of="2017-12-31")
    assert (item["name"], item["nuts3"], item["size_class"]) == (
        "Müller & Söhne GmbH",
        "DE21H",
        "small",
    )
    assert (item["valid_from"], item["valid_to"]) == ("2010-01-01", "2018-01-01")


def test_a_merger_acts_from_its_day_on(programme: Programme) -> None:
    before = programme.one(f"organisations/{FIRM}", as_of="2019-12-31")
    after = programme.one(f"organisations/{FIRM}", as_of="2020-01-01")
    assert (before["is"], after["is"]) == (FIRM, HEIR)
    assert (after["merged_into"], after["merged_on"]) == (HEIR, "2020-01-01")


def test_a_duplicate_is_the_other_on_every_day_once_known(programme: Programme) -> None:
    early, late = "2012-01-01", "2021-01-01"
    path = f"organisations/{TWIN}"
    assert programme.one(path, as_of=early)["is"] == FIRM
    assert programme.one(path, as_of=late)["is"] == HEIR  # and the other merged
    assert programme.one(path, as_of=late)["duplicate_of"] == FIRM
    assert programme.one(path, as_of=late, known_at=programme.before_twins)["is"] == TWIN


def test_organisations_come_by_name(programme: Programme) -> None:
    names = [item["name"] for item in programme.list("organisations", as_of="2015-01-01")]
    assert names == sorted(names)
    assert len(names) == 5


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"kind": "university"}, [UNI]),
        ({"nuts3": "DE212"}, [UNI]),
        ({"nuts3": "DE21"}, [FIRM, UNI]),
        ({"size_class": "large"}, [HEIR]),
        ({"spatial": "rural"}, [FIRM]),
        ({"identifier": "ror:05591te55"}, [TWIN]),
        ({"kind": "company", "spatial": "urban"}, []),
    ],
)
def test_organisations_are_filtered(
    programme: Programme, params: dict[str, Any], expected: list[str]
) -> None:
    assert ids(programme.list("organisations", as_of="2019-01-01", **params)) == expected


@pytest.mark.parametrize("q", ["müller", "MUELLER", "Muller", "mÜLLER", "uelle"])
def test_a_name_is_found_however_its_umlaut_is_written(programme: Programme, q: str) -> None:
    assert set(ids(programme.list("organisations", as_of="2019-01-01", q=q))) == {FIRM, TWIN}


def test_a_name_is_found_by_any_part_and_no_pattern(programme: Programme) -> None:
    assert ids(programme.list("organisations", as_of="2019-01-01", q="universitaet sued")) == [UNI]
    assert ids(programme.list("organisations", as_of="2019-01-01", q="grossb")) == [HEIR]
    assert programme.list("organisations", as_of="2019-01-01", q="%") == []


def test_a_membership_has_the_status_of_the_day(programme: Programme) -> None:
    path = f"memberships/{UNI}/bio"
    member = programme.one(path, as_of="2013-12-31")
    suspended = programme.one(path, as_of="2015-12-31")
    assert (member["status"], member["category"]) == ("member", "full")
    assert (suspended["status"], suspended["member_since"]) == ("suspended", "2012-01-01")
    assert (suspended["cause"], suspended["valid_to"]) == ("resigned", "2016-01-01")
    assert programme.code(path, as_of="2016-01-01") == (404, "not_found")


def test_a_dissolution_cuts_a_membership_the_day_before(programme: Programme) -> None:
    path = f"memberships/{GONE}/bio"
    assert programme.one(path, as_of="2015-12-31")["valid_to"] == "2016-01-01"
    assert programme.code(path, as_of="2016-01-01")[0] == 404


def test_a_clusters_closing_cuts_its_memberships(programme: Programme) -> None:
    path = f"memberships/{FIRM}/rail"
    assert programme.one(path, as_of="2021-12-31")["valid_to"] == "2022-01-01"
    assert programme.code(path, as_of="2022-01-01")[0] == 404
    closing = programme.receipts[3]["position"]
    admitted = programme.receipts[16]["position"]
    assert closing < admitted, "known before"


def test_applicants_are_no_members(programme: Programme) -> None:
    day = "2019-06-01"
    assert ids(programme.list("memberships", as_of=day)) == [FIRM]
    assert ids(programme.list("memberships", as_of=day, status="applied")) == [HEIR]
    assert programme.one(f"memberships/{HEIR}/bio", as_of=day)["status"] == "applied"


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"cluster": "bio"}, [UNI, GONE]),
        ({"organisation_id": FIRM}, [FIRM]),
        ({"status": "suspended"}, [UNI]),
        ({"cluster": "rail", "status": "suspended"}, []),
    ],
)
def test_memberships_are_filtered(
    programme: Programme, params: dict[str, Any], expected: list[str]
) -> None:
    assert ids(programme.list("memberships", as_of="2014-06-01", **params)) == expected


def test_an_activity_is_held_from_its_day_on(programme: Programme) -> None:
    path = f"activities/{FAIR}"
    statuses = [programme.one(path, as_of=day)["status"] for day in ("2019-05-01", "2019-05-02")]
    assert statuses == ["planned", "held"]


def test_an_activity_counts_who_was_recorded_by_name(programme: Programme) -> None:
    assert programme.one(f"activities/{FAIR}")["named"] == 1
    assert programme.one(f"activities/{TALK}")["named"] == 0


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"cluster": "bio"}, [FAIR]),
        ({"cluster": "rail"}, [FAIR, TALK]),
        ({"status": "planned"}, [TALK]),
        ({"status": "held"}, [FAIR]),
        ({"status": "cancelled"}, []),
        ({"from": "2019-05-02"}, [FAIR, TALK]),
        ({"from": "2019-05-03"}, [TALK]),
        ({"to": "2019-05-01"}, []),
        ({"from": "2019-01-01", "to": "2019-12-31"}, [FAIR]),
        ({"kind": "webinar"}, []),
        ({"mode": "onsite"}, [FAIR, TALK]),
        ({"q": "fuer ole"}, [FAIR]),
    ],
)
def test_activities_are_filtered(
    programme: Programme, params: dict[str, Any], expected: list[str]
) -> None:
    assert ids(programme.list("activities", **params), "activity_id") == expected


@pytest.mark.parametrize(
    ("params", "expected"),
    [
        ({"activity_id": FAIR}, [(FAIR, ANNA), (FAIR, BEN)]),
        ({"person_ref": ANNA}, [(FAIR, ANNA), (TALK, ANNA)]),
        ({"organisation_id": FIRM}, [(FAIR, ANNA)]),
    ],
)
def test_attendances_are_filtered(
    programme: Programme, params: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    items = programme.list("attendances", **params)
    assert [(item["activity_id"], item["person_ref"]) for item in items] == expected


def test_one_attendance_says_whether_the_person_came(programme: Programme) -> None:
    anna, ben = (programme.one(f"attendances/{FAIR}/{who}") for who in (ANNA, BEN))
    assert (anna["registered"], anna["recorded"], anna["organisation_id"]) == (False, True, FIRM)
    assert (ben["registered"], ben["recorded"], ben["organisation_id"]) == (True, False, None)


def test_a_project_has_the_status_of_the_day(programme: Programme) -> None:
    days = ("2017-01-01", "2017-06-01", "2018-01-01", "2020-12-31", "2021-01-01")
    seen = [programme.one(f"projects/{PROJECT}", as_of=day) for day in days]
    assert [item["status"] for item in seen] == [
        "proposed",
        "approved",
        "running",
        "running",
        "ended",
    ]
    assert [item["grant_cents"] for item in seen] == [None, 200, 200, 200, 200]


def test_projects_are_filtered(programme: Programme) -> None:
    day = "2019-01-01"
    assert len(programme.list("projects", as_of=day, cluster="bio", status="running")) == 1
    assert len(programme.list("projects", as_of=day, q="gruenes oel")) == 1
    assert programme.list("projects", as_of=day, cluster="rail") == []
    assert programme.list("projects", as_of="2016-01-01") == []


def test_a_projects_end_ends_its_enrolments(programme: Programme) -> None:
    path = f"enrolments/{PROJECT}/{UNI}"
    last = programme.one(path, as_of="2020-12-31")
    assert (last["role"], last["valid_to"]) == ("lead", "2021-01-01")
    assert programme.code(path, as_of="2021-01-01")[0] == 404
    before_end = programme.receipts[-2]["position"]
    assert programme.one(path, as_of="2021-01-01", known_at=before_end)["valid_to"] is None


def test_enrolments_are_filtered(programme: Programme) -> None:
    day = "2019-01-01"
    assert ids(programme.list("enrolments", as_of=day, project_id=PROJECT)) == [UNI]
    assert ids(programme.list("enrolments", as_of=day, organisation_id=UNI)) == [UNI]
    assert programme.list("enrolments", as_of=day, role="partner") == []


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        ("organisations", ("organisation_id",)),
        ("memberships", ("organisation_id", "cluster")),
        ("activities", ("activity_id",)),
        ("attendances", ("activity_id", "person_ref")),
        ("clusters", ("cluster",)),
    ],
)
def test_pages_of_a_list_follow_each_other(
    programme: Programme, path: str, fields: tuple[str, ...]
) -> None:
    def keys(items: list[Any]) -> list[tuple[Any, ...]]:
        return [tuple(item[field] for field in fields) for item in items]

    params: dict[str, Any] = {"as_of": "2013-01-01", "limit": 1}
    seen: list[Any] = []
    while True:
        page = programme.one(path, **params)
        seen += page["items"]
        if page["next"] is None:
            break
        params["cursor"] = page["next"]
    assert keys(seen) == keys(programme.list(path, as_of="2013-01-01"))
    assert len(seen) > 1


def test_the_next_page_is_of_the_same_cut(service: Service, admin: Client) -> None:
    admin.post(*(organisation(str(UUID(int=n)), f"Firma {n}") for n in range(1, 4)))
    first = admin.read("/v1/organisations", {"limit": 2})
    admin.post(organisation(str(UUID(int=9)), "Firma 9"))
    admin.read("/v1/organisations")

    answer = admin.get("/v1/organisations", {"limit": 2, "cursor": first["next"]})

    assert [item["name"] for item in answer.json()["items"]] == ["Firma 3"]
    assert answer.json()["known_at"] == first["known_at"] == 3


def test_a_list_links_to_its_next_page(programme: Programme) -> None:
    answer = programme.auditor.get("/v1/clusters", {"limit": 1, "as_of": "2013-01-01"})
    link, _, relation = answer.headers["Link"].partition("; ")
    assert relation == 'rel="next"'
    assert ids(programme.auditor.get(link.strip("<>")).json()["items"], "cluster") == ["rail"]


@pytest.mark.parametrize("view", VIEWS)
def test_a_cursor_from_elsewhere_is_refused(programme: Programme, view: str) -> None:
    cursor = programme.one("clusters", limit=1, as_of="2013-01-01")["next"]
    assert programme.code(view, cursor=cursor) == (400, "invalid_cursor")
    assert programme.code(view, cursor="bm8") == (400, "invalid_cursor")


def test_an_unchanged_answer_is_not_sent_again(programme: Programme) -> None:
    for path in ("/v1/organisations", f"/v1/organisations/{UNI}"):
        first = programme.auditor.get(path)
        again = programme.auditor.get(path, headers={"If-None-Match": first.headers["ETag"]})
        assert (again.status, again.body) == (304, b"")
        other = programme.auditor.get(
            path, {"known_at": 5}, headers={"If-None-Match": first.headers["ETag"]}
        )
        assert other.status == 200


def test_an_answer_carries_the_read_models_position(programme: Programme) -> None:
    answer = programme.auditor.get("/v1/clusters", {"known_at": 2})
    assert answer.headers["Ledger-Position"] == str(programme.before_twins + 1)
    assert answer.headers["ETag"].startswith('"2-')


def test_known_at_may_be_an_instant(programme: Programme) -> None:
    instant = programme.receipts[-1]["recorded_at"]
    assert programme.one("clusters", known_at=instant)["known_at"] == programme.before_twins


def test_the_future_is_not_known(programme: Programme) -> None:
    assert programme.code("clusters", known_at=10**6) == (422, "known_at_in_future")
    assert programme.code("clusters", known_at="2999-01-01T00:00:00Z")[1] == "known_at_in_future"


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize(
    "params",
    [{"as_of": "yesterday"}, {"as_of": "2026-02-30"}, {"limit": 1001}, {"colour": "red"}],
)
def test_a_parameter_out_of_its_bounds_is_refused(
    programme: Programme, view: str, params: dict[str, Any]
) -> None:
    assert programme.code(view, **params) == (400, "invalid_parameter")


@pytest.mark.parametrize("as_of", ["0001-01-01", "9999-12-31"])
@pytest.mark.parametrize("view", VIEWS)
def test_the_first_and_the_last_day_can_be_asked_for(
    programme: Programme, view: str, as_of: str
) -> None:
    assert programme.code(view, as_of=as_of) == (200, None)


@pytest.mark.parametrize(
    "path", ["organisations/x", "clusters/NO", "memberships/x/bio", f"activities/{uuid4()}"]
)
def test_an_id_that_names_nothing_is_not_found(programme: Programme, path: str) -> None:
    assert programme.code(path) == (404, "not_found")
    assert programme.code(path + "/history") == (404, "not_found")


# Who sees what.


def test_a_key_with_clusters_sees_theirs(programme: Programme) -> None:
    day = "2013-01-01"
    assert ids(programme.list("memberships", programme.rail, as_of=day)) == [FIRM]
    assert len(programme.list("activities", programme.rail)) == 2
    assert programme.list("projects", programme.rail, as_of="2019-01-01") == []
    assert programme.list("enrolments", programme.rail, as_of="2019-01-01") == []


def test_attendances_are_seen_by_the_organisers(programme: Programme) -> None:
    bio = programme.service.client("trail:read", clusters=["bio"])
    assert ids(programme.list("attendances", bio), "activity_id") == [FAIR, FAIR]
    assert ids(programme.list("attendances", programme.rail), "activity_id") == [FAIR, FAIR, TALK]


def test_organisations_and_clusters_are_shared(programme: Programme) -> None:
    for view in ("organisations", "clusters"):
        day = "2013-01-01"
        seen = programme.list(view, programme.rail, as_of=day)
        assert seen == programme.list(view, as_of=day)


def test_a_key_with_clusters_does_not_see_others(programme: Programme) -> None:
    for path in (f"memberships/{UNI}/bio", f"projects/{PROJECT}", f"enrolments/{PROJECT}/{UNI}"):
        assert programme.code(path, as_of="2013-01-01", client=programme.rail)[0] == 404
        assert programme.code(path + "/history", client=programme.rail)[0] == 404
    assert programme.code("memberships", cluster="bio", client=programme.rail) == (
        403,
        "cluster_not_covered",
    )


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_needs_its_scope(programme: Programme, view: str) -> None:
    other = programme.service.client("figures:read", "organisations:write")
    assert programme.code(view, client=other) == (403, "scope_missing")
    assert programme.code(view, client=programme.service.public()) == (401, "unauthenticated")


# Histories.


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
