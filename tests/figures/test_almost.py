"""What almost counted, and the rule that excluded it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from projections.figures.almost import Almost, almost_counted, rules
from projections.figures.catalogue import CATALOGUE
from projections.figures.refusals import InvalidCursor, PeriodReversed, UnknownCluster
from tests.figures.history import History, uid

YEAR = {"period_from": date(2018, 1, 1), "period_to": date(2018, 12, 31)}


def almost(past: History, figure: str, **asked: Any) -> list[Almost]:
    """All pages of two streams each."""
    past.project_all()
    found: list[Almost] = []
    after = asked.pop("after", None)
    key = asked.pop("key", None)
    while True:
        question = past.question(figure, YEAR | asked)
        page = almost_counted(past.engine, question, key=key, after=after, limit=2)
        found += page.items
        if page.next is None:
            return found
        after = page.next


def named(past: History, figure: str, **asked: Any) -> list[tuple[str, int]]:
    """(rule, position of the stream's first fact)."""
    return [(one.rule, one.facts[0].position) for one in almost(past, figure, **asked)]


def test_an_activity_is_missing_because_it_was_not_held_or_not_then(past: History) -> None:
    past.activity("held", "rail", on="2018-06-01")
    planned = past.activity("planned", "rail", on="2018-06-01", held=False)
    dropped = past.activity("dropped", "food", on="2018-07-01", held=False)
    past.post("activity.cancelled", activity_id=uid("dropped"))
    late = past.activity("january", "rail", on="2019-01-31") - 1
    past.activity("february", "rail", on="2019-02-01")
    expected = [("not_held", planned), ("cancelled", dropped), ("held_just_outside", late)]
    assert named(past, "activities") == expected
    assert named(past, "activities", cluster="food") == [("cancelled", dropped)]


def test_an_attendance_is_missing_for_each_of_its_reasons(past: History) -> None:
    past.company("a")
    past.activity("fair", "rail", on="2018-06-01")
    past.activity("planned", "rail", on="2018-06-01", held=False)
    waiting = past.came("planned", ["anna"], "a")
    signed_up = past.post("attendance.registered", activity_id=uid("fair"), person_ref=uid("ben"))
    wrong = past.came("fair", ["cleo"], "a")
    past.void(wrong)
    past.came("fair", ["dora"], "a")
    assert named(past, "participations")[1:] == [
        ("attendance_not_held", waiting),
        ("registered_only", signed_up),
        ("attendance_voided", wrong),
    ]
    (gone,) = (one for one in almost(past, "participations") if one.rule == "attendance_voided")
    assert gone.facts[0].voided_by == gone.facts[1].position


def test_an_organisation_is_missing_for_each_of_its_reasons(past: History) -> None:
    past.company("a", "b", "c", "d")
    past.company("uni", kind="university")
    past.member("a", "rail", "2018-01-01")
    of_uni = past.member("uni", "rail", "2018-01-01")
    applied = past.post(
        "membership.applied", organisation_id=uid("b"), cluster="food", effective_on="2018-05-01"
    )
    outside = past.member("c", "food", "2017-01-01", "2017-12-15")
    wrong = past.member("d", "food", "2018-02-01")
    past.void(wrong)
    past.activity("fair", "rail", on="2018-06-01")
    nameless = past.came("fair", ["anna"])
    assert named(past, "companies_involved") == [
        ("without_organisation", nameless),
        ("no_company", of_uni),
        ("not_admitted", applied),
        ("member_just_outside", outside),
        ("membership_voided", wrong),
    ]


def test_a_project_is_missing_because_it_did_not_run_then(past: History) -> None:
    past.project("running", "rail", on="2018-02-01")
    first = past.head + 1
    past.project("before", "rail", on="2017-01-01", last_day="2017-12-31")
    later = past.head + 1
    past.project("after", "rail", on="2019-01-15")
    past.project("long_after", "rail", on="2019-06-01")
    proposed = past.post(
        "project.proposed",
        project_id=uid("idea"),
        title="idea",
        clusters=["rail"],
        effective_on="2018-03-01",
    )
    found = named(past, "projects_running")
    assert ("not_started", proposed) in found
    assert {at for rule, at in found if rule == "running_just_outside"} == {first, later}


def test_what_counts_is_in_no_rule(past: History) -> None:
    past.company("a")
    past.member("a", "rail", "2018-01-01")
    past.activity("fair", "rail", on="2018-06-01")
    past.came("fair", ["anna"], "a")
    known = {"organisation_id": uid("a"), "effective_on": "2018-01-01"}
    past.post("organisation.reclassified", **known, scheme="size_class", code="small")
    past.post("organisation.reclassified", **known, scheme="spatial", code="rural")
    past.project("running", "rail", on="2018-02-01")
    terms = {"volume_cents": 9, "grant_cents": 4, "effective_on": "2018-02-01"}
    past.post("project.approved", project_id=uid("running"), **terms)
    for figure in CATALOGUE.keys() - {"retention"}:
        assert almost(past, figure) == []


def test_every_figure_has_a_rule() -> None:
    assert {figure for rule in rules() for figure in rule.figures} == set(CATALOGUE)


def test_a_stock_is_asked_of_its_day_and_not_of_a_period(past: History) -> None:
    past.company("a", "b")
    past.member("a", "rail", "2017-01-01", "2018-06-30")
    before = past.member("b", "rail", "2017-01-01", "2018-12-15")
    day = {"period_to": date(2018, 12, 31)}
    assert named(past, "members", **day, period_from=None) == [("member_just_outside", before)]
    assert named(past, "members", **day) == [("member_just_outside", before)]


def test_a_change_of_stock_is_missing_for_each_of_its_reasons(past: History) -> None:
    past.company("a", "b", "c", "d", "e")
    past.member("a", "rail", "2017-01-01", "2018-06-30")
    moved = past.member("a", "food", "2018-07-01")
    past.member("b", "wood", "2017-01-01")
    for absorbed, heir in (("d", "e"), ("b", "c")):
        ids = {"organisation_id": uid(absorbed), "into": uid(heir)}
        past.post("organisation.merged", **ids, effective_on="2018-07-01")
    of_a, of_d = moved - 2, 3 + 4
    assert named(past, "joins") == [("already_in_stock", moved)]
    assert named(past, "rejoins") == [("already_in_stock", moved)]
    assert ("still_in_stock", of_a) in named(past, "leavers")
    assert named(past, "mergers_in_stock") == [("merged_outside_the_stock", of_d)]
    later = {"period_from": date(2018, 1, 1), "period_to": date(2018, 8, 1), "cluster": "food"}
    assert named(past, "retention", **later) == [("member_since", moved)]


def test_a_first_time_is_missing_where_it_was_before_or_nobody_was_met(past: History) -> None:
    past.company("a", "b")
    past.company("u", kind="university")
    past.project("old", "rail", on="2017-01-01")
    of_a = past.enrolled("old", "a", "2017-01-01")
    of_u = past.enrolled("old", "u", "2017-01-01")
    past.project("new", "rail", on="2018-02-01")
    of_b = past.enrolled("new", "b", "2018-02-01")
    found = named(past, "first_time_organisations")
    assert set(found) == {("involved_before", of_a), ("involved_before", of_u)}
    assert named(past, "newly_engaged_with_research") == [
        ("without_research", of_b),
        ("engaged_before", of_a),
    ]


def test_money_and_shares_are_missing_for_their_reasons(past: History) -> None:
    past.company("a")
    past.company("u", kind="university")
    of_a = past.member("a", "rail", "2018-01-01")
    of_u = past.member("u", "rail", "2018-01-01")
    proposed = past.head + 1
    past.project("tram", "rail", on="2018-02-01", last_day="2019-01-31")
    terms = {"volume_cents": 9, "grant_cents": 4, "effective_on": "2019-01-01"}
    past.post("project.approved", project_id=uid("tram"), **terms)
    money = [("not_approved", proposed), ("approved_just_outside", proposed)]
    assert named(past, "grant_cents") == money
    assert named(past, "projects_ended") == [("ended_just_outside", proposed)]
    assert named(past, "sme_share") == [
        ("no_company_in_the_share", of_u),
        ("size_unknown", of_a),
    ]
    assert named(past, "sme_share", of="participations") == []
    assert {at for _, at in named(past, "rural_share", of="involved")} == {of_a, of_u}


def test_what_almost_counted_is_asked_of_one_cell(past: History) -> None:
    planned = past.activity("planned", "rail", "food", on="2018-06-01", held=False)
    asked = {"by": "year", "key": "2018"}
    assert named(past, "activities", **asked) == [("not_held", planned)]
    assert named(past, "activities", by="quarter", key="2018-Q1") == []
    assert named(past, "activities", by="cluster", key="wood") == []
    assert named(past, "activities", by="mode", key="onsite") == [("not_held", planned)]
    assert named(past, "activities", by="mode", key="online") == []


def test_bad_questions_are_refused(past: History) -> None:
    for asked, refusal in (
        ({"cluster": "nowhere"}, UnknownCluster),
        ({"period_from": date(2019, 1, 1)}, PeriodReversed),
        ({"after": "no/cursor"}, InvalidCursor),
        ({"after": "cancelled/4/x/"}, InvalidCursor),
    ):
        with pytest.raises(refusal):
            almost(past, "activities", **asked)


def test_every_rule_speaks_both_languages_and_of_figures() -> None:
    assert all(rule.text.de and rule.text.en and rule.figures for rule in rules())
    assert len({rule.id for rule in rules()}) == len(rules())
    assert {figure for rule in rules() for figure in rule.figures} & set(CATALOGUE)
