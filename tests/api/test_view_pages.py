"""Pages, validators and limits of the views; and which key sees what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from tests.api.programme import FAIR, FIRM, PROJECT, TALK, UNI, VIEWS, Programme, ids, organisation
from tests.api.running import Client, Service


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
    "path", ["organisations/x", "clusters/NO", "memberships/x/bio", f"activities/{UUID(int=404)}"]
)
def test_an_id_that_names_nothing_is_not_found(programme: Programme, path: str) -> None:
    assert programme.code(path) == (404, "not_found")
    assert programme.code(path + "/history") == (404, "not_found")


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
