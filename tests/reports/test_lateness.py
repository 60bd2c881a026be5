"""Which facts came after their period was closed."""

from __future__ import annotations

from ledger.store.codec import decode_leaf
from projections.views.lateness import closings, late
from tests.figures.history import History, uid


def close(past: History, first: str = "2018-01-01", last: str = "2018-12-31") -> int:
    return past.post(
        "period.closed",
        period_from=first,
        period_to=last,
        known_at=past.head,
        definitions=["activities@1"],
        digests=["ab" * 32],
    )


def lates(past: History) -> dict[int, tuple[int, ...]]:
    past.project_all()
    rows = past.conn.execute("SELECT state FROM ledger.facts ORDER BY notification_id").fetchall()
    entries = [decode_leaf(bytes(state)) for (state,) in rows]
    return late(past.conn, entries, closings(past.conn, past.head))


def test_a_fact_of_a_closed_period_is_late_and_its_neighbours_are_not(past: History) -> None:
    past.company("a", "b", "c")
    past.member("a", "rail", "2018-05-01")
    closed = close(past)
    before = past.member("b", "rail", "2017-12-31")
    inside = past.member("b", "food", "2018-01-01")
    last = past.member("c", "rail", "2018-12-31")
    after = past.member("c", "food", "2019-01-01")
    found = lates(past)
    assert found == {inside: (closed,), last: (closed,)}
    assert before not in found
    assert after not in found


def test_an_end_takes_effect_on_the_day_after_its_last_day(past: History) -> None:
    past.company("a", "b")
    past.member("a", "rail", "2016-01-01")
    past.member("b", "rail", "2016-01-01")
    closed = close(past)
    key = {"cluster": "rail", "cause": "resigned"}
    ends_with_it = past.post(
        "membership.ended", organisation_id=uid("a"), last_day="2018-12-31", **key
    )
    ends_in_it = past.post(
        "membership.ended", organisation_id=uid("b"), last_day="2018-12-30", **key
    )
    assert lates(past) == {ends_in_it: (closed,)}
    assert ends_with_it not in lates(past)


def test_what_belongs_to_an_activity_has_the_day_it_was_held_on(past: History) -> None:
    past.company("a")
    past.activity("fair", "rail", on="2018-06-01")
    past.activity("talk", "rail", on="2019-06-01")
    closed = close(past)
    counted = past.headcount("fair", 20, "total")
    came = past.came("fair", ["anna"], "a")
    past.headcount("talk", 20, "total")
    past.came("talk", ["anna"], "a")
    voided = past.void(counted)
    assert lates(past) == {counted: (closed,), came: (closed,), voided: (closed,)}


def test_a_void_has_the_day_of_its_target(past: History) -> None:
    past.company("a")
    inside = past.member("a", "rail", "2018-05-01")
    outside = past.member("a", "food", "2019-05-01")
    held = past.activity("fair", "rail", on="2018-06-01")
    closed = close(past)
    assert lates(past) == {}
    expected = {past.void(inside): (closed,)}
    past.void(outside)
    expected[past.void(held)] = (closed,)
    assert lates(past) == expected


def test_marking_duplicates_is_late_for_every_closed_period(past: History) -> None:
    past.company("a", "b")
    first = close(past)
    second = close(past, "2010-01-01", "2010-12-31")
    marked = past.post(
        "organisation.marked_duplicate", organisation_id=uid("a"), of=uid("b"), reason="same"
    )
    third = close(past, "2011-01-01", "2011-12-31")
    reverted = past.void(marked)
    assert lates(past) == {marked: (first, second), reverted: (first, second, third)}


def test_what_has_no_day_is_never_late(past: History) -> None:
    past.company("a")
    close(past)
    past.post("organisation.identified", organisation_id=uid("a"), identifiers=["ror:05591te55"])
    past.post("person.erased", person_ref=uid("anna"), legal_basis="art-17")
    assert lates(past) == {}


def test_a_projects_end_is_counted_and_late_on_its_last_day(past: History) -> None:
    past.project("tram", "rail", on="2016-01-01")
    past.project("boat", "rail", on="2016-01-01")
    closed = close(past)
    ended = {"outcome": "completed"}
    last = past.post("project.ended", project_id=uid("tram"), last_day="2018-12-31", **ended)
    past.post("project.ended", project_id=uid("boat"), last_day="2017-12-31", **ended)
    assert lates(past) == {last: (closed,)}
