"""Projects, their money, who takes part with whom, and for the first time: counted by hand."""

from __future__ import annotations

from datetime import date

from tests.figures.history import History, uid

YEAR_2010 = {"period_from": date(2010, 1, 1), "period_to": date(2010, 12, 31)}
YEAR_2011 = {"period_from": date(2011, 1, 1), "period_to": date(2011, 12, 31)}


def money(past: History, project: str, type: str, on: str, volume: int, grant: int) -> int:
    return past.post(
        f"project.{type}",
        project_id=uid(project),
        volume_cents=volume,
        grant_cents=grant,
        effective_on=on,
    )


def left(past: History, project: str, name: str, last_day: str) -> int:
    ids = {"project_id": uid(project), "organisation_id": uid(name)}
    return past.post("enrolment.ended", **ids, last_day=last_day)


def test_projects_count_on_the_days_of_their_life(past: History) -> None:
    past.project("tram", "rail", "food", on="2010-03-01", last_day="2011-02-28")
    money(past, "tram", "approved", "2010-09-01", 100, 50)
    values = [
        [past.value(f"projects_{what}", **year) for year in (YEAR_2010, YEAR_2011)]
        for what in ("started", "approved", "ended", "running")
    ]
    assert values == [[1, 0], [1, 0], [0, 1], [1, 1]]
    assert past.figure("projects_ended", by="cluster", **YEAR_2011).joint_adjustment == -1


def test_money_is_that_of_the_periods_last_day_approved_and_started_apart(past: History) -> None:
    past.project("tram", "rail", "food", on="2010-03-01")
    past.project("bus", "rail", on="2011-03-01")
    money(past, "tram", "approved", "2011-01-01", 100, 50)
    assert past.numbers("grant_cents", **YEAR_2010) == (0, 0)
    money(past, "tram", "grant_changed", "2012-01-01", 300, 70)
    assert past.numbers("grant_cents", **YEAR_2011) == (50, 0)
    assert past.numbers("volume_cents", **YEAR_2011) == (100, 0)
    assert past.numbers("grant_cents") == (70, 70)
    figure = past.figure("grant_cents", by="cluster")
    assert past.table("grant_cents", by="cluster") == {"food": (70, 70), "rail": (70, 70)}
    assert (figure.joint_adjustment.approved, figure.joint_adjustment.started) == (-70, -70)


def test_partners_share_a_day_of_a_running_project(past: History) -> None:
    past.company("A", "B", "C")
    past.project("tram", "rail", on="2010-01-01", last_day="2011-12-31")
    past.enrolled("tram", "A", "2010-01-01")
    past.enrolled("tram", "B", "2010-01-01")
    left(past, "tram", "B", "2010-06-30")
    past.enrolled("tram", "C", "2010-07-01")
    assert past.value("partner_edges") == 2
    assert past.value("partner_edges", **YEAR_2011) == 1
    past.project("bus", "food", on="2011-01-01")
    past.enrolled("bus", "A", "2011-01-01")
    past.enrolled("bus", "C", "2011-01-01")
    assert past.value("partner_edges") == 2
    assert past.figure("partner_edges", by="cluster").joint_adjustment == -1


def test_a_merger_makes_one_partner_of_two(past: History) -> None:
    past.company("A", "B", "C")
    past.project("tram", "rail", on="2010-01-01")
    for name in ("A", "B", "C"):
        past.enrolled("tram", name, "2010-01-01")
    past.post(
        "organisation.merged", organisation_id=uid("C"), into=uid("B"), effective_on="2011-01-01"
    )
    assert past.value("partner_edges", **YEAR_2010) == 3
    assert past.value("partner_edges", **YEAR_2011) == 1
    assert past.value("enrolments", **YEAR_2010) == 3
    assert past.value("enrolments", **YEAR_2011) == 2


def test_a_first_involvement_counts_once_in_its_year(past: History) -> None:
    past.company("A", "B")
    past.activity("fair", "food", on="2010-05-01")
    past.came("fair", ["ann"], "A")
    past.member("A", "rail", "2011-01-01")
    past.member("B", "rail", "2011-01-01")
    period = {"period_from": date(2010, 1, 1), "period_to": date(2011, 12, 31)}
    assert past.rows("first_time_organisations", by="year", **period) == {"2010": 1, "2011": 1}
    assert past.value("first_time_organisations", cluster="rail", **YEAR_2011) == 2
    past.member("A", "food", "2009-01-01", last_day="2009-01-31")
    assert past.value("first_time_organisations", **YEAR_2010) == 0


def test_engaged_with_research_from_the_first_common_day(past: History) -> None:
    past.company("A", "B")
    past.company("U", kind="university")
    past.project("tram", "rail", on="2010-01-01")
    past.enrolled("tram", "A", "2010-01-01")
    past.enrolled("tram", "B", "2010-01-01")
    left(past, "tram", "B", "2010-12-30")
    late = past.enrolled("tram", "U", "2010-12-31")
    assert past.value("newly_engaged_with_research", **YEAR_2010) == 1
    assert past.value("newly_engaged_with_research", **YEAR_2011) == 0
    assert past.value("newly_engaged_with_research", known_at=late - 1) == 0


def test_a_fact_recorded_before_the_thing_it_names_takes_effect_counts_from_its_own_day(
    past: History,
) -> None:
    past.company("A", on="2012-01-01")
    past.member("A", "rail", "2010-01-01")
    assert past.value("members", period_to=date(2010, 12, 31)) == 1
    by_kind = past.table("members", by="kind", period_to=date(2010, 12, 31))
    assert by_kind == {"unknown": (1,)}
    assert past.table("members", by="kind", period_to=date(2012, 1, 1)) == {"company": (1,)}
