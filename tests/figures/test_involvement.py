"""Organisations and companies involved, and who is one with whom: counted by hand."""

from __future__ import annotations

from datetime import date

from tests.figures.history import History, uid

YEAR_2010 = {"period_from": date(2010, 1, 1), "period_to": date(2010, 12, 31)}
YEAR_2011 = {"period_from": date(2011, 1, 1), "period_to": date(2011, 12, 31)}
YEAR_2012 = {"period_from": date(2012, 1, 1), "period_to": date(2012, 12, 31)}


def test_a_member_day_a_named_attendance_or_an_enrolment_involves(past: History) -> None:
    past.company("A", "B", "C", "D")
    past.member("A", "rail", "2010-05-01")
    past.activity("fair", "rail", on="2010-06-01")
    past.came("fair", ["ann", "bob"], "B")
    past.project("tram", "rail", on="2010-01-01")
    past.enrolled("tram", "C", "2010-01-01")
    assert past.value("companies_involved") == 3
    assert past.value("organisations_involved") == 3


def test_being_involved_in_three_ways_counts_once(past: History) -> None:
    past.company("A")
    past.member("A", "rail", "2010-05-01")
    past.member("A", "food", "2010-05-01")
    past.activity("fair", "rail", on="2010-06-01")
    past.came("fair", ["ann"], "A")
    assert past.value("companies_involved") == 1


def test_only_companies_are_companies(past: History) -> None:
    past.company("A")
    past.company("U", kind="university")
    past.member("A", "rail", "2010-05-01")
    past.member("U", "rail", "2010-05-01")
    assert past.value("companies_involved") == 1
    assert past.value("organisations_involved") == 2


def test_an_application_does_not_involve_and_a_suspended_member_does(past: History) -> None:
    past.company("A", "B")
    key = {"organisation_id": uid("A"), "cluster": "rail"}
    past.post("membership.applied", **key, effective_on="2010-01-01")
    past.member("B", "rail", "2009-01-01")
    past.post(
        "membership.suspended",
        organisation_id=uid("B"),
        cluster="rail",
        effective_on="2009-06-01",
    )
    assert past.value("companies_involved", **YEAR_2010) == 1


def test_the_last_day_of_a_spell_is_a_member_day_and_rejoining_opens_another(past: History) -> None:
    past.company("A")
    past.member("A", "rail", "2009-01-01", last_day="2010-01-01")
    past.member("A", "rail", "2012-12-31")
    values = [past.value("companies_involved", **y) for y in (YEAR_2010, YEAR_2011, YEAR_2012)]
    assert values == [1, 0, 1]


def test_a_duplicate_was_always_one_from_its_position_on_and_can_be_reverted(past: History) -> None:
    past.company("A", "A again")
    past.member("A", "rail", "2010-01-01")
    past.member("A again", "food", "2010-01-01")
    two = past.head
    marked = past.post(
        "organisation.marked_duplicate",
        organisation_id=uid("A again"),
        of=uid("A"),
        reason="same",
    )
    reverted = past.post(
        "organisation.duplicate_reverted", organisation_id=uid("A again"), reason="wrong"
    )
    assert [past.value("companies_involved", known_at=p) for p in (two, marked, reverted)] == [
        2,
        1,
        2,
    ]
    assert past.rows("companies_involved", by="cluster", known_at=marked) == {
        "food": 1,
        "rail": 1,
        "wood": 0,
    }
    assert past.figure("companies_involved", by="cluster", known_at=marked).joint_adjustment == -1


def test_a_merger_acts_from_its_day_and_a_period_on_both_sides_counts_both(past: History) -> None:
    past.company("A", "B")
    past.member("A", "rail", "2009-01-01")
    past.member("B", "rail", "2009-01-01")
    past.post(
        "organisation.merged", organisation_id=uid("B"), into=uid("A"), effective_on="2011-01-01"
    )
    assert past.value("companies_involved", **YEAR_2010) == 2
    assert past.value("companies_involved", **YEAR_2011) == 1
    both = {"period_from": date(2010, 12, 31), "period_to": date(2011, 1, 1)}
    assert past.value("companies_involved", **both) == 2


def test_the_absorbed_ones_attendances_are_the_heirs_from_the_merger_on(past: History) -> None:
    past.company("A", "B")
    for year in (2010, 2011):
        past.activity(f"fair {year}", "rail", on=f"{year}-06-01")
        past.came(f"fair {year}", [f"ann {year}"], "B")
        past.came(f"fair {year}", [f"bob {year}"], "A")
    past.post(
        "organisation.merged", organisation_id=uid("B"), into=uid("A"), effective_on="2010-06-02"
    )
    assert past.value("companies_involved", **YEAR_2010) == 2
    assert past.value("companies_involved", **YEAR_2011) == 1
    assert past.value("companies_involved") == 2


def test_a_record_known_as_a_duplicate_follows_it_before_its_own_merger(past: History) -> None:
    # B is A all along, and A became C in 2011: so did B, whatever merger B itself had named.
    past.company("A", "B", "C", "D")
    past.member("B", "rail", "2009-01-01")
    past.post(
        "organisation.merged", organisation_id=uid("B"), into=uid("D"), effective_on="2010-01-01"
    )
    past.post("organisation.marked_duplicate", organisation_id=uid("B"), of=uid("A"), reason="same")
    past.post(
        "organisation.merged", organisation_id=uid("A"), into=uid("C"), effective_on="2011-01-01"
    )
    past.member("A", "food", "2009-01-01")
    past.member("C", "food", "2011-01-01")
    assert past.value("companies_involved", **YEAR_2010) == 1
    assert past.value("companies_involved", **YEAR_2011) == 1
    assert past.value("companies_involved") == 2


def test_a_chain_of_mergers_counts_every_identity_the_period_saw(past: History) -> None:
    past.company("A", "B", "C")
    past.member("A", "rail", "2009-01-01")
    for who, heir, day in (("A", "B", "2010-01-01"), ("B", "C", "2011-01-01")):
        past.post("organisation.merged", organisation_id=uid(who), into=uid(heir), effective_on=day)
    assert past.value("companies_involved") == 3
    assert past.rows("companies_involved", by="year", period_from=date(2009, 1, 1))["2010"] == 1


def test_a_dissolution_ends_spells_and_enrolments_the_day_before(past: History) -> None:
    past.company("A", "B")
    past.member("A", "rail", "2009-01-01")
    past.project("tram", "rail", on="2009-01-01")
    past.enrolled("tram", "B", "2009-01-01")
    for name in ("A", "B"):
        past.post("organisation.dissolved", organisation_id=uid(name), effective_on="2011-01-01")
    assert past.value("companies_involved", **YEAR_2010) == 2
    assert past.value("companies_involved", **YEAR_2011) == 0


def test_a_dissolved_company_still_counts_in_what_it_took_part_in(past: History) -> None:
    past.company("A")
    past.member("A", "rail", "2009-01-01")
    past.post("organisation.dissolved", organisation_id=uid("A"), effective_on="2011-01-01")
    assert past.value("companies_involved") == 1


def test_a_clusters_closing_ends_its_spells_the_day_before(past: History) -> None:
    past.company("A")
    past.member("A", "wood", "2009-01-01")
    open_at = past.head
    past.post("cluster.closed", cluster="wood", effective_on="2011-01-01")
    assert past.value("companies_involved", **YEAR_2010) == 1
    assert past.value("companies_involved", **YEAR_2011) == 0
    assert past.value("companies_involved", **YEAR_2011, known_at=open_at) == 1
    assert "wood" not in past.rows("companies_involved", by="cluster", **YEAR_2011)


def test_enrolments_end_with_the_last_of_the_projects_clusters(past: History) -> None:
    past.company("A", "B")
    past.project("joint", "rail", "wood", on="2009-01-01")
    past.project("alone", "wood", on="2009-01-01")
    past.enrolled("joint", "A", "2009-01-01")
    past.enrolled("alone", "B", "2009-01-01")
    past.post("cluster.closed", cluster="wood", effective_on="2011-01-01")
    assert past.value("companies_involved", **YEAR_2010) == 2
    assert past.value("companies_involved", **YEAR_2011) == 1


def test_a_projects_end_ends_its_enrolments(past: History) -> None:
    past.company("A")
    past.project("tram", "rail", on="2009-01-01")
    past.enrolled("tram", "A", "2009-01-01")
    past.post("project.ended", project_id=uid("tram"), last_day="2010-12-31", outcome="completed")
    assert past.value("companies_involved", **YEAR_2010) == 1
    assert past.value("companies_involved", **YEAR_2011) == 0


def test_the_kind_on_the_last_day_of_each_period_decides(past: History) -> None:
    past.company("A", kind="association")
    past.member("A", "rail", "2009-01-01")
    past.post(
        "organisation.reclassified",
        organisation_id=uid("A"),
        scheme="kind",
        code="company",
        effective_on="2010-12-31",
    )
    assert past.rows("companies_involved", by="year", period_from=date(2009, 1, 1)) == {
        "2009": 0,
        **{str(year): 1 for year in range(2010, 2021)},
    }
    before = {"period_from": date(2010, 1, 1), "period_to": date(2010, 12, 30)}
    assert past.value("companies_involved", **before) == 0
    assert past.value("companies_involved") == 1


def test_before_the_first_known_class_nobody_is_a_company(past: History) -> None:
    past.company("A", on="2012-01-01")
    past.activity("fair", "rail", on="2010-06-01")
    past.came("fair", ["ann"], "A")
    assert past.value("companies_involved", **YEAR_2010) == 0
    assert past.value("organisations_involved", **YEAR_2010) == 1
    assert past.value("companies_involved") == 1


def test_a_cluster_involves_by_members_by_its_activities_and_by_its_projects(past: History) -> None:
    past.company("A", "B", "C")
    past.member("A", "rail", "2010-01-01")
    past.activity("joint", "food", "rail", on="2010-06-01")
    past.came("joint", ["ann"], "B")
    past.project("tram", "wood", "rail", on="2010-01-01")
    past.enrolled("tram", "C", "2010-01-01")
    participating = past.figure("companies_involved", by="cluster")
    assert past.rows("companies_involved", by="cluster") == {"food": 1, "rail": 3, "wood": 1}
    assert (participating.value, participating.joint_adjustment) == (3, -2)
    lead = past.figure("companies_involved", by="cluster", view="lead")
    assert past.rows("companies_involved", by="cluster", view="lead") == {
        "food": 1,
        "rail": 1,
        "wood": 1,
    }
    assert (lead.value, lead.joint_adjustment) == (3, 0)
    assert past.value("companies_involved", cluster="rail") == 3


def test_an_attendance_without_an_organisation_or_at_a_planned_activity_involves_nobody(
    past: History,
) -> None:
    past.company("A")
    past.activity("fair", "rail", on="2010-06-01")
    past.came("fair", ["ann"])
    past.activity("planned", "rail", on="2010-07-01", held=False)
    past.came("planned", ["ann"], "A")
    assert past.value("organisations_involved") == 0


def test_a_voided_admission_involves_until_it_was_voided(past: History) -> None:
    past.company("A")
    admitted = past.member("A", "rail", "2010-01-01")
    past.void(admitted)
    assert past.value("companies_involved", known_at=admitted) == 1
    assert past.value("companies_involved") == 0
    assert past.value("companies_involved", known_at=0) == 0


def test_a_cluster_closed_on_its_first_day_has_members_on_none(past: History) -> None:
    past.company("A")
    past.cluster("sea", on="2010-01-01")
    past.member("A", "sea", "2010-01-01")
    past.project("boat", "sea", on="2010-01-01")
    past.enrolled("boat", "A", "2010-01-01")
    open_ = past.head
    past.post("cluster.closed", cluster="sea", effective_on="2010-01-01")
    assert past.value("members", known_at=open_) == 1
    assert past.value("members") == 0
    assert past.value("organisations_involved") == 0
    assert past.value("enrolments") == 0
    assert "sea" not in past.rows("members", by="cluster")


def test_an_organisation_dissolved_on_its_first_day_is_a_member_on_none(past: History) -> None:
    past.company("A", on="2010-01-01")
    past.member("A", "rail", "2010-01-01")
    past.activity("fair", "rail", on="2010-01-01")
    past.came("fair", ["ann"], "A")
    past.post("organisation.dissolved", organisation_id=uid("A"), effective_on="2010-01-01")
    assert past.value("members") == 0
    assert past.rows("participations", by="kind")["company"] == 1
    assert past.value("companies_involved") == 1
