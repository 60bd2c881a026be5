"""The things a fact names exist, and the key covers them."""

from __future__ import annotations

import csv
from importlib.resources import files
from uuid import uuid4

import pytest

from ledger.domain.commands import Authority
from ledger.domain.nuts import BAVARIAN
from tests.domain.kit import ADMIN, Given, fact, office

DAY = "2020-01-01"


def _named(given: Given) -> dict[str, str]:
    return {
        "organisation_id": given.organisation(),
        "cluster": given.cluster(),
        "activity_id": given.activity(),
        "project_id": given.project(),
    }


@pytest.mark.parametrize(
    ("type", "keys", "more", "missing", "code"),
    [
        ("cluster.renamed", ("cluster",), {"name": "Rail"}, "cluster", "unknown_cluster"),
        ("cluster.closed", ("cluster",), {}, "cluster", "unknown_cluster"),
        (
            "organisation.renamed",
            ("organisation_id",),
            {"name": "Neu"},
            "organisation_id",
            "unknown_organisation",
        ),
        (
            "organisation.dissolved",
            ("organisation_id",),
            {},
            "organisation_id",
            "unknown_organisation",
        ),
        (
            "membership.admitted",
            ("organisation_id", "cluster"),
            {},
            "organisation_id",
            "unknown_organisation",
        ),
        ("membership.admitted", ("organisation_id", "cluster"), {}, "cluster", "unknown_cluster"),
        ("activity.held", ("activity_id",), {"held_on": DAY}, "activity_id", "unknown_activity"),
        (
            "headcount.recorded",
            ("activity_id",),
            {"count": 3, "scope": "total"},
            "activity_id",
            "unknown_activity",
        ),
        (
            "attendance.recorded",
            ("activity_id", "organisation_id"),
            {"person_ref": str(uuid4())},
            "activity_id",
            "unknown_activity",
        ),
        (
            "attendance.recorded",
            ("activity_id", "organisation_id"),
            {"person_ref": str(uuid4())},
            "organisation_id",
            "unknown_organisation",
        ),
        (
            "project.approved",
            ("project_id",),
            {"volume_cents": 2, "grant_cents": 1},
            "project_id",
            "unknown_project",
        ),
        (
            "enrolment.started",
            ("project_id", "organisation_id"),
            {"role": "partner"},
            "project_id",
            "unknown_project",
        ),
        (
            "enrolment.started",
            ("project_id", "organisation_id"),
            {"role": "partner"},
            "organisation_id",
            "unknown_organisation",
        ),
    ],
)
def test_a_fact_names_only_what_exists(
    given: Given, type: str, keys: tuple[str, ...], more: dict[str, object], missing: str, code: str
) -> None:
    named = _named(given)
    dated = type not in {"activity.held", "headcount.recorded", "attendance.recorded"}
    data = {key: named[key] for key in keys} | more | ({"effective_on": DAY} if dated else {})
    nowhere = "nowhere" if missing == "cluster" else str(uuid4())
    given.refused(code, fact(type, **(data | {missing: nowhere})))
    given.post(type, **data)


def test_an_activity_and_a_project_name_clusters_that_exist(given: Given) -> None:
    known = given.cluster()
    which = str(uuid4())
    scheduled = {
        "activity_id": which,
        "title": "Forum",
        "kind": "fair",
        "mode": "online",
        "starts_on": DAY,
        "ends_on": DAY,
    }
    refused = fact("activity.scheduled", organisers=[known, "nowhere"], **scheduled)
    given.refused("unknown_cluster", refused)
    given.post("activity.scheduled", organisers=[known], **scheduled)
    given.refused(
        "unknown_cluster", fact("activity.changed", activity_id=which, organisers=["nowhere"])
    )
    proposed = {"project_id": str(uuid4()), "title": "Wings", "effective_on": DAY}
    given.refused("unknown_cluster", fact("project.proposed", clusters=["nowhere"], **proposed))
    given.post("project.proposed", clusters=[known], **proposed)


def test_duplicates_mergers_and_splits_name_organisations_that_exist(given: Given) -> None:
    one, other, nobody = given.organisation(), given.organisation(), str(uuid4())
    given.refused(
        "unknown_organisation",
        fact("organisation.marked_duplicate", organisation_id=one, of=nobody, reason="same"),
    )
    for type, into in (("organisation.merged", nobody), ("organisation.split", [other, nobody])):
        given.refused(
            "unknown_organisation", fact(type, organisation_id=one, into=into, effective_on=DAY)
        )
    given.post("organisation.split", organisation_id=one, into=[other], effective_on=DAY)


def test_nothing_is_registered_twice(given: Given) -> None:
    named = _named(given)
    again = {
        "cluster.registered": {"cluster": named["cluster"], "name": "Rail", "effective_on": DAY},
        "organisation.registered": {
            "organisation_id": named["organisation_id"],
            "name": "Neu",
            "kind": "company",
            "effective_on": DAY,
        },
        "project.proposed": {
            "project_id": named["project_id"],
            "title": "Wings",
            "clusters": [named["cluster"]],
            "effective_on": DAY,
        },
    }
    for type, data in again.items():
        given.refused("already_registered", fact(type, **data))


def test_what_a_batch_created_before_may_be_named_in_it(given: Given) -> None:
    who, code = str(uuid4()), f"c-{uuid4().hex[:8]}"
    given.record(
        fact("cluster.registered", cluster=code, name="Rail", effective_on=DAY),
        fact(
            "organisation.registered",
            organisation_id=who,
            name="Neu",
            kind="company",
            effective_on=DAY,
        ),
        fact("membership.admitted", organisation_id=who, cluster=code, effective_on=DAY),
    )


def test_what_a_batch_creates_later_may_not_be_named_before(given: Given) -> None:
    who, code = str(uuid4()), given.cluster()
    given.refused(
        "unknown_organisation",
        fact("membership.admitted", organisation_id=who, cluster=code, effective_on=DAY),
        fact(
            "organisation.registered",
            organisation_id=who,
            name="Neu",
            kind="company",
            effective_on=DAY,
        ),
    )


def test_a_key_records_memberships_of_its_clusters_only(given: Given) -> None:
    mine, other, who = given.cluster(), given.cluster(), given.organisation()
    admitted = {"organisation_id": who, "effective_on": DAY}
    given.refused(
        "cluster_not_covered",
        fact("membership.admitted", cluster=other, **admitted),
        by=office(mine),
    )
    given.post("membership.admitted", cluster=mine, by=office(mine), **admitted)


def test_a_key_needs_both_the_scope_and_the_cluster(given: Given) -> None:
    mine, who = given.cluster(), given.organisation()
    admitted = fact("membership.admitted", cluster=mine, organisation_id=who, effective_on=DAY)
    scope = frozenset({f"facts:write:{mine}"})
    without_cluster = Authority(ADMIN.actor, scope, frozenset(), frozenset({"*"}))
    without_scope = Authority(ADMIN.actor, frozenset(), frozenset({mine}), frozenset({"*"}))
    given.refused("cluster_not_covered", admitted, by=without_cluster)
    given.refused("cluster_not_covered", admitted, by=without_scope)
    given.record(admitted, by=office(mine))


def test_a_key_records_activities_its_cluster_is_an_organiser_of(given: Given) -> None:
    lead, joint, stranger = given.cluster(), given.cluster(), given.cluster()
    activity = given.activity(lead, joint)
    person = {"activity_id": activity, "person_ref": str(uuid4())}
    given.refused("cluster_not_covered", fact("attendance.recorded", **person), by=office(stranger))
    given.refused(
        "cluster_not_covered",
        fact("activity.held", activity_id=activity, held_on=DAY),
        by=office(stranger),
    )
    given.post("attendance.recorded", by=office(joint), **person)
    given.post("activity.held", activity_id=activity, held_on=DAY, by=office(lead))


def test_a_key_records_projects_of_its_clusters(given: Given) -> None:
    mine, stranger, who = given.cluster(), given.cluster(), given.organisation()
    project = given.project(mine)
    started = {
        "project_id": project,
        "organisation_id": who,
        "role": "partner",
        "effective_on": "2021-01-01",
    }
    given.refused("cluster_not_covered", fact("enrolment.started", **started), by=office(stranger))
    given.post("enrolment.started", by=office(mine), **started)


def test_organisations_are_shared_by_all_who_may_write_them(given: Given) -> None:
    who = given.organisation()
    renamed = {"organisation_id": who, "name": "Neu", "effective_on": DAY}
    given.refused(
        "scope_missing", fact("organisation.renamed", **renamed), by=office("any", scopes=())
    )
    given.post("organisation.renamed", by=office("any"), **renamed)


def test_clusters_and_periods_are_kept_by_administrators(given: Given) -> None:
    code = given.cluster()
    renamed = {"cluster": code, "name": "Bahn", "effective_on": DAY}
    given.refused("scope_missing", fact("cluster.renamed", **renamed), by=office(code))
    given.post("cluster.renamed", **renamed)


def test_a_person_is_erased_only_with_the_scope_for_it(given: Given) -> None:
    erased = {"person_ref": str(uuid4()), "legal_basis": "art-17"}
    given.refused(
        "scope_missing", fact("person.erased", **erased), by=office(scopes=("people:write",))
    )
    given.post("person.erased", by=office(scopes=("people:erase",)), **erased)


def test_a_key_posts_under_its_own_sources_only(given: Given) -> None:
    who = given.organisation()
    scopes = frozenset({"organisations:write"})
    key = Authority(ADMIN.actor, scopes, frozenset(), frozenset({"urn:mine"}))
    renamed = {"organisation_id": who, "name": "Neu", "effective_on": DAY}
    given.refused(
        "source_not_covered", fact("organisation.renamed", source="urn:other", **renamed), by=key
    )
    given.post("organisation.renamed", source="urn:mine", by=key, **renamed)


def test_days_lie_between_1900_and_2199(given: Given) -> None:
    code = given.cluster()
    for day in ("1899-12-31", "2200-01-01"):
        given.refused(
            "date_out_of_range", fact("cluster.renamed", cluster=code, name="A", effective_on=day)
        )
    for day in ("1900-01-01", "2199-12-31"):
        given.post("cluster.renamed", cluster=code, name="A", effective_on=day)


def test_identifiers_have_their_check_digits(given: Given) -> None:
    who = given.organisation()
    for wrong in (
        "vat:DE136695977",
        "vat:GB980780685",
        "lei:529900T8BM49AURSDO56",
        "ror:xyz",
        "ror:02kkvpp63",
        "hrb:?",
        "hrb:Nowhere 12345",
    ):
        given.refused(
            "invalid_identifier",
            fact("organisation.identified", organisation_id=who, identifiers=[wrong]),
        )
    right = ["vat:DE136695976", "lei:529900T8BM49AURSDO55", "ror:02kkvpp62", "hrb:München 12345"]
    given.post("organisation.identified", organisation_id=who, identifiers=right)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("vat:de 136 695 976", "vat:DE136695976"),
        ("vat:gb 980 7806 84", "vat:GB980780684"),
        ("vat:CHE-114.927.636 TVA", "vat:CHE114927636TVA"),
        ("vat:NO 995 525 828 MVA", "vat:NO995525828MVA"),
        ("lei:529900t8bm49aursdo55", "lei:529900T8BM49AURSDO55"),
        ("ror:https://ror.org/02kkvpp62", "ror:02kkvpp62"),
        ("hrb:Amtsgericht München HRB 12345", "hrb:München 12345"),
        ("hrb:München HRA 12345", "hrb:München HRA 12345"),
        ("euid:deK1101R.HRB86786", "euid:DEK1101R.HRB86786"),
        ("vat:DE1", "vat:DE1"),
    ],
)
def test_an_identifier_is_kept_in_one_spelling(typed: str, kept: str) -> None:
    posted = fact("organisation.identified", organisation_id=str(uuid4()), identifiers=[typed])
    assert posted.fact.identifiers == (kept,)  # type: ignore[attr-defined]  # it has them
    assert kept.encode() in posted.data


def test_regions_of_bavaria_exist_and_others_are_taken_by_their_form(given: Given) -> None:
    moved = {"organisation_id": given.organisation(nuts3="AT130"), "effective_on": DAY}
    given.refused("unknown_code", fact("organisation.relocated", nuts3="DE21Z", **moved))
    given.refused("unknown_code", fact("organisation.relocated", nuts3="DE200", **moved))
    given.post("organisation.relocated", nuts3="DE212", **moved)


def test_the_regions_of_bavaria_are_those_that_are_listed() -> None:
    listed = files("projections") / "nuts_bavaria_2024.csv"
    rows = csv.DictReader(listed.read_text("utf-8").splitlines())
    assert {row["code"] for row in rows if row["level"] == "3"} == BAVARIAN


def test_a_class_is_a_code_of_its_scheme(given: Given) -> None:
    who = given.organisation()
    reclassified = {"organisation_id": who, "scheme": "size_class", "effective_on": DAY}
    given.refused("unknown_code", fact("organisation.reclassified", code="huge", **reclassified))
    given.post("organisation.reclassified", code="sme", **reclassified)
