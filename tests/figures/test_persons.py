"""Persons: distinct, repeated, absent, and how many are known: counted by hand."""

from __future__ import annotations

from tests.figures.history import History, uid


def registered(past: History, activity: str, *persons: str) -> None:
    for person in persons:
        past.post("attendance.registered", activity_id=uid(activity), person_ref=uid(person))


def test_distinct_persons_stand_beside_the_coverage(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    past.activity("talk", "food", on="2010-06-01")
    past.came("fair", ["ann", "bob"])
    past.came("talk", ["ann"])
    past.headcount("fair", 8, "unlisted")
    assert past.value("distinct_persons") == 2
    assert past.numbers("coverage") == (3, 11, 0)
    figure = past.figure("distinct_persons", by="cluster")
    assert [(row.key, row.value) for row in figure.rows] == [("food", 1), ("rail", 2), ("wood", 0)]
    assert figure.joint_adjustment == -1


def test_a_repeat_over_two_clusters_is_one_for_the_programme_only(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    past.activity("talk", "food", on="2011-06-01")
    past.came("fair", ["ann", "bob"])
    past.came("talk", ["ann"])
    figure = past.figure("repeat_persons", by="cluster")
    assert (figure.value, figure.joint_adjustment) == (1, 1)
    assert not any(past.rows("repeat_persons", by="year").values())


def test_references_of_one_person_are_one_visit_at_one_activity_and_two_at_two(
    past: History,
) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    past.came("fair", ["ann", "ann again"])
    past.post("person.marked_duplicate", person_ref=uid("ann again"), of=uid("ann"))
    assert (past.value("distinct_persons"), past.value("repeat_persons")) == (1, 0)
    past.activity("talk", "rail", on="2010-06-01")
    past.came("talk", ["ann again"])
    assert (past.value("distinct_persons"), past.value("repeat_persons")) == (1, 1)


def test_no_shows_are_known_where_somebody_was_recorded(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    registered(past, "fair", "ann", "bob", "cem")
    assert past.value("no_shows") == 0
    past.came("fair", ["ann"])
    assert past.value("no_shows") == 2
    past.post("attendance.withdrawn", activity_id=uid("fair"), person_ref=uid("cem"))
    assert past.value("no_shows") == 1
    assert [fact.type for fact in past.behind("no_shows").items] == ["attendance.registered.v1"]


def test_a_list_tells_who_stayed_away_even_if_nobody_came(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    registered(past, "fair", "ann", "bob")
    past.listed("fair", complete=False)
    assert past.value("no_shows") == 2


def test_who_came_under_another_reference_did_not_stay_away(past: History) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    registered(past, "fair", "ann", "bob")
    past.came("fair", ["ann again"])
    assert past.value("no_shows") == 2
    past.post("person.marked_duplicate", person_ref=uid("ann again"), of=uid("ann"))
    assert past.value("no_shows") == 1


def test_the_facts_behind_no_shows_leave_out_who_came_under_another_reference(
    past: History,
) -> None:
    past.activity("fair", "rail", on="2010-05-01")
    for name in ("ann again", "bob"):
        past.post("attendance.registered", activity_id=uid("fair"), person_ref=uid(name))
    stayed_away = past.head
    past.came("fair", ["ann"])
    past.post("person.marked_duplicate", person_ref=uid("ann again"), of=uid("ann"))
    assert past.value("no_shows") == 1
    assert [fact.position for fact in past.behind("no_shows").items] == [stayed_away]
