"""The views over HTTP: what was so on a day, as known at a position."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.programme import (
    ANNA,
    BEN,
    FAIR,
    FIRM,
    GONE,
    HEIR,
    PROJECT,
    TALK,
    TWIN,
    UNI,
    Programme,
    ids,
)


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
