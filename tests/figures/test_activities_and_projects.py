"""Activities, participations, projects: each number below is counted by hand."""

from __future__ import annotations

from datetime import date

from tests.figures.history import History, uid


def test_planned_and_cancelled_activities_do_not_count(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    past.activity("planned", "rail", on="2010-06-01", held=False)
    past.activity("off", "rail", on="2010-07-01", held=False)
    past.post("activity.cancelled", activity_id=uid("off"))
    assert past.value("activities") == 1


def test_a_joint_activity_counts_once_in_total_and_with_each_organiser(past: History) -> None:
    past.activity("alone", "food", on="2010-05-01")
    past.activity("joint", "rail", "food", on="2010-06-01")
    figure = past.figure("activities", by="cluster")
    assert figure.value == 2
    assert past.rows("activities", by="cluster") == {"food": 2, "rail": 1, "wood": 0}
    assert figure.joint_adjustment == -1


def test_the_lead_view_is_additive(past: History) -> None:
    past.activity("alone", "food", on="2010-05-01")
    past.activity("joint", "rail", "food", on="2010-06-01")
    figure = past.figure("activities", by="cluster", view="lead")
    assert past.rows("activities", by="cluster", view="lead") == {"food": 1, "rail": 1, "wood": 0}
    assert (figure.value, figure.joint_adjustment) == (2, 0)


def test_one_cluster_is_a_row_of_its_view(past: History) -> None:
    past.activity("joint", "rail", "food", on="2010-06-01")
    assert past.value("activities", cluster="food") == 1
    assert past.value("activities", cluster="food", view="lead") == 0


def test_a_changed_organiser_counts_from_its_position_on(past: History) -> None:
    before = past.activity("fair", "rail", on="2010-05-01")
    past.post("activity.changed", activity_id=uid("fair"), organisers=["wood"])
    assert past.value("activities", cluster="rail") == 0
    assert past.value("activities", cluster="rail", known_at=before) == 1
    assert past.value("activities", cluster="wood") == 1


def test_activities_count_in_the_year_of_their_day_and_years_without_any_are_zero(
    past: History,
) -> None:
    past.activity("new year's eve", "rail", on="2007-12-31")
    past.activity("a", "rail", on="2009-01-01")
    past.activity("b", "rail", on="2009-06-01")
    to_2009 = date(2009, 12, 31)
    assert past.rows("activities", by="year", period_to=to_2009) == {
        "2006": 0,
        "2007": 1,
        "2008": 0,
        "2009": 2,
    }


def test_both_days_of_a_period_belong_to_it(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    day, before, after = date(2010, 5, 1), date(2010, 4, 30), date(2010, 5, 2)
    assert past.value("activities", period_from=day, period_to=day) == 1
    assert past.value("activities", period_from=before, period_to=before) == 0
    assert past.value("activities", period_from=after) == 0


def test_without_a_list_named_and_unlisted_add_up(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    past.came("fair", ["ann", "bob", "cem"])
    past.headcount("fair", 10, "unlisted")
    assert past.value("participations") == 13


def test_a_total_includes_the_named_and_is_at_least_their_number(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    past.headcount("fair", 2, "total")
    past.headcount("fair", 10, "unlisted")
    assert past.value("participations") == 2
    past.came("fair", ["ann", "bob", "cem"])
    assert past.value("participations") == 3


def test_a_complete_list_outranks_a_total(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    past.came("fair", ["ann", "bob", "cem"])
    past.headcount("fair", 50, "total")
    past.headcount("fair", 4, "unlisted")
    before = past.listed("fair", complete=False)
    assert past.value("participations") == 50
    past.listed("fair", complete=True)
    assert past.value("participations") == 7
    assert past.value("participations", known_at=before) == 50


def test_a_later_head_count_of_the_same_scope_replaces_the_earlier(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    first = past.headcount("fair", 80, "total")
    second = past.headcount("fair", 60, "total")
    assert past.value("participations", known_at=first) == 80
    assert past.value("participations") == 60
    past.void(second)
    assert past.value("participations") == 80


def test_attendance_counts_once_the_activity_was_held(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01", held=False)
    waiting = past.came("fair", ["ann"])
    past.post("activity.held", activity_id=uid("fair"), held_on="2010-05-01")
    assert past.value("participations", known_at=waiting) == 0
    assert past.value("participations") == 1


def test_a_registration_is_no_participation(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    past.post("attendance.registered", activity_id=uid("fair"), person_ref=uid("ann"))
    assert past.value("participations") == 0


def test_a_voided_attendance_counts_until_it_was_voided(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    both = past.came("fair", ["ann", "bob"])
    past.void(both)
    past.post("attendance.voided", activity_id=uid("fair"), person_ref=uid("ann"), reason="no_show")
    assert past.value("participations", known_at=both) == 2
    assert past.value("participations", known_at=both + 1) == 1
    assert past.value("participations") == 0


def test_participations_of_a_joint_activity_count_whole_with_each_organiser(past: History) -> None:
    past.activity("joint", "rail", "food", on="2010-06-01")
    past.headcount("joint", 40, "total")
    figure = past.figure("participations", by="cluster")
    assert past.rows("participations", by="cluster") == {"food": 40, "rail": 40, "wood": 0}
    assert (figure.value, figure.joint_adjustment) == (40, -40)


def test_a_project_runs_from_its_start_to_its_last_day(past: History) -> None:
    past.project("tram", "rail", on="2010-03-01", last_day="2011-02-28")
    assert past.rows("projects_running", by="year", period_to=date(2012, 12, 31)) == {
        "2006": 0,
        "2007": 0,
        "2008": 0,
        "2009": 0,
        "2010": 1,
        "2011": 1,
        "2012": 0,
    }
    last, after = date(2011, 2, 28), date(2011, 3, 1)
    assert past.value("projects_running", period_from=last, period_to=last) == 1
    assert past.value("projects_running", period_from=after) == 0


def test_a_proposed_project_does_not_run_and_a_late_approval_changes_nothing(past: History) -> None:
    past.post(
        "project.proposed",
        project_id=uid("idea"),
        title="idea",
        clusters=["rail"],
        effective_on="2010-01-01",
    )
    past.project("tram", "rail", on="2010-03-01")
    past.post(
        "project.approved",
        project_id=uid("tram"),
        volume_cents=100,
        grant_cents=50,
        effective_on="2010-09-01",
    )
    assert past.value("projects_running") == 1


def test_a_joint_project_counts_once_and_with_each_cluster(past: History) -> None:
    past.project("tram", "rail", "wood", on="2010-03-01")
    figure = past.figure("projects_running", by="cluster")
    assert past.rows("projects_running", by="cluster") == {"food": 0, "rail": 1, "wood": 1}
    assert (figure.value, figure.joint_adjustment) == (1, -1)


def test_two_references_known_to_be_one_person_are_one_participation(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    for name in ("anna", "anna again", "anna once more", "bert"):
        past.post("attendance.recorded", activity_id=uid("fair"), person_ref=uid(name))
    past.activity("talk", "rail", on="2010-06-01")
    past.post("attendance.recorded", activity_id=uid("talk"), person_ref=uid("anna again"))
    before = past.head
    past.post("person.marked_duplicate", person_ref=uid("anna again"), of=uid("anna"))
    marked = past.post(
        "person.marked_duplicate", person_ref=uid("anna once more"), of=uid("anna again")
    )
    assert past.value("participations", known_at=before) == 5
    assert past.value("participations", known_at=marked - 1) == 4
    assert past.value("participations") == 3
    past.void(marked)
    assert past.value("participations") == 4


def test_joint_activities_with_different_leads_count_with_each_and_lead_once(
    past: History,
) -> None:
    past.activity("one", "rail", "food", on="2010-05-01")
    past.activity("two", "food", "rail", "wood", on="2010-06-01")
    past.activity("three", "food", on="2010-07-01")
    for name, count in (("one", 10), ("two", 20), ("three", 30)):
        past.headcount(name, count, "total")
    participating = past.figure("participations", by="cluster")
    assert past.rows("participations", by="cluster") == {"food": 60, "rail": 30, "wood": 20}
    assert (participating.value, participating.joint_adjustment) == (60, -50)
    assert past.rows("participations", by="cluster", view="lead") == {
        "food": 50,
        "rail": 10,
        "wood": 0,
    }
    past.post("activity.changed", activity_id=uid("two"), organisers=["wood", "food"])
    assert past.rows("activities", by="cluster", view="lead") == {"food": 1, "rail": 1, "wood": 1}


def test_a_list_that_comes_after_the_head_count_takes_its_place_and_goes_with_its_void(
    past: History,
) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    counted = past.headcount("fair", 50, "total")
    past.came("fair", ["ann", "bob"])
    listed = past.listed("fair", complete=True)
    assert [past.value("participations", known_at=at) for at in (counted, listed)] == [50, 2]
    again = past.headcount("fair", 60, "total")
    assert past.value("participations", known_at=again) == 2
    past.void(listed)
    assert past.value("participations") == 60
