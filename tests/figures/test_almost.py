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
    after = None
    while True:
        given = YEAR | {"known_at": past.head, "after": after, "limit": 2} | asked
        page = almost_counted(past.engine, CATALOGUE[figure], **given)
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
    past.project("running", "rail", on="2018-02-01")
    for figure in CATALOGUE:
        assert almost(past, figure) == []


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
