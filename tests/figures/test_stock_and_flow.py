"""Members, joins, rejoins, leavers, mergers, retention: each number below is counted by hand."""

from __future__ import annotations

from datetime import date

import pytest

from ledger.domain.commands import Refused
from ledger.service import incoming
from tests.figures.history import OFFICE, SOURCE, History, uid

YEAR_2010 = {"period_from": date(2010, 1, 1), "period_to": date(2010, 12, 31)}
YEAR_2011 = {"period_from": date(2011, 1, 1), "period_to": date(2011, 12, 31)}


def merge(past: History, absorbed: str, heir: str, on: str) -> int:
    ids = {"organisation_id": uid(absorbed), "into": uid(heir)}
    return past.post("organisation.merged", **ids, effective_on=on)


def flows(past: History, *, year: int = 2010, **asked: object) -> tuple[int, ...]:
    """Opening, joined, rejoined, left, merged, closing of a year, after checking their balance."""
    period = {"period_from": date(year, 1, 1), "period_to": date(year, 12, 31)}
    opening = past.value("members", period_to=date(year - 1, 12, 31), **asked)
    closing = past.value("members", period_to=date(year, 12, 31), **asked)
    names = ("joins", "rejoins", "leavers", "mergers_in_stock")
    joined, rejoined, left, merged = (past.value(name, **period, **asked) for name in names)
    assert opening + joined + rejoined - left - merged == closing
    return opening, joined, rejoined, left, merged, closing


def test_a_member_of_two_clusters_is_one_member_and_two_memberships(past: History) -> None:
    past.company("A", "B")
    past.member("A", "rail", "2009-01-01")
    past.member("A", "food", "2009-01-01")
    past.member("B", "food", "2009-01-01", last_day="2010-12-31")
    assert past.value("members", period_to=date(2010, 12, 31)) == 2
    assert past.value("members", period_to=date(2011, 1, 1)) == 1
    assert past.value("membership_pairs", period_to=date(2010, 12, 31)) == 3
    figure = past.figure("members", by="cluster", period_to=date(2010, 12, 31))
    assert [(row.key, row.value) for row in figure.rows] == [("food", 2), ("rail", 1), ("wood", 0)]
    assert figure.joint_adjustment == -1


def test_a_stock_by_year_is_that_of_each_years_last_day(past: History) -> None:
    past.company("A", "B")
    past.member("A", "rail", "2009-01-01", last_day="2010-06-30")
    past.member("B", "rail", "2010-12-31")
    rows = past.rows(
        "members", by="year", period_from=date(2009, 1, 1), period_to=date(2010, 12, 30)
    )
    assert rows == {"2009": 1, "2010": 0}
    quarters = {"period_from": date(2010, 4, 1), "period_to": date(2010, 12, 31)}
    assert past.rows("members", by="quarter", **quarters) == {
        "2010-Q2": 1,
        "2010-Q3": 0,
        "2010-Q4": 1,
    }


def test_an_adjacent_spell_in_another_cluster_is_neither_left_nor_joined(past: History) -> None:
    past.company("A")
    past.member("A", "rail", "2009-01-01", last_day="2010-06-30")
    past.member("A", "food", "2010-07-01")
    assert flows(past) == (1, 0, 0, 0, 0, 1)
    assert flows(past, cluster="rail") == (1, 0, 0, 1, 0, 0)
    assert flows(past, cluster="food") == (0, 1, 0, 0, 0, 1)


def test_a_day_without_membership_makes_a_rejoin(past: History) -> None:
    past.company("A")
    past.member("A", "rail", "2009-01-01", last_day="2010-06-29")
    past.member("A", "food", "2010-07-01")
    assert flows(past) == (1, 0, 1, 1, 0, 1)
    assert flows(past, cluster="food") == (0, 1, 0, 0, 0, 1)
    assert past.figure("rejoins", by="cluster", **YEAR_2010).joint_adjustment == 1


def test_one_leaves_on_the_day_after_the_last(past: History) -> None:
    past.company("A")
    past.member("A", "rail", "2009-01-01", last_day="2009-12-31")
    assert flows(past, year=2009) == (0, 1, 0, 0, 0, 1)
    assert flows(past) == (1, 0, 0, 1, 0, 0)


def test_spells_of_duplicates_are_one_once_that_is_known(past: History) -> None:
    past.company("A", "A again")
    past.member("A", "rail", "2009-01-01", last_day="2010-06-30")
    past.member("A again", "rail", "2010-07-01")
    assert flows(past) == (1, 1, 0, 1, 0, 1)
    past.post(
        "organisation.marked_duplicate", organisation_id=uid("A again"), of=uid("A"), reason="x"
    )
    assert flows(past) == (1, 0, 0, 0, 0, 1)
    assert flows(past, cluster="rail") == (1, 0, 0, 0, 0, 1)
    past.post("organisation.duplicate_reverted", organisation_id=uid("A again"), reason="x")
    assert flows(past) == (1, 1, 0, 1, 0, 1)


def test_a_merger_of_two_members_is_a_loss_of_one_and_nobody_leaves(past: History) -> None:
    past.company("A", "B")
    past.member("A", "rail", "2009-01-01")
    past.member("B", "rail", "2009-01-01")
    merge(past, "B", "A", "2010-07-01")
    assert flows(past) == (2, 0, 0, 0, 1, 1)
    assert flows(past, cluster="rail") == (2, 0, 0, 0, 1, 1)


def test_a_merger_across_clusters_moves_the_membership_to_the_heir(past: History) -> None:
    past.company("A", "B")
    past.member("A", "rail", "2009-01-01")
    past.member("B", "food", "2009-01-01")
    merge(past, "B", "A", "2010-07-01")
    assert flows(past) == (2, 0, 0, 0, 1, 1)
    assert flows(past, cluster="food") == (1, 0, 0, 0, 0, 1)
    figure = past.figure("mergers_in_stock", by="cluster", **YEAR_2010)
    assert (figure.value, figure.joint_adjustment) == (1, 1)


def test_an_heir_from_outside_takes_the_place_of_one_it_absorbs(past: History) -> None:
    past.company("A", "B", "C")
    past.member("B", "rail", "2009-01-01")
    past.member("C", "rail", "2009-01-01")
    merge(past, "B", "A", "2010-07-01")
    assert flows(past) == (2, 0, 0, 0, 0, 2)
    merge(past, "C", "A", "2010-07-01")
    assert flows(past) == (2, 0, 0, 0, 1, 1)


def test_who_ends_the_day_before_a_merger_into_a_stranger_has_left(past: History) -> None:
    past.company("A", "B", "C")
    past.member("B", "rail", "2009-01-01", last_day="2010-06-30")
    past.member("C", "rail", "2009-01-01")
    merge(past, "B", "A", "2010-07-01")
    assert flows(past) == (2, 0, 0, 1, 0, 1)


def test_retention_follows_heirs_and_counts_who_came_back(past: History) -> None:
    past.company("stays", "goes", "returns", "absorbed", "heir", "new")
    past.member("stays", "rail", "2009-01-01")
    past.member("goes", "rail", "2009-01-01", last_day="2010-03-31")
    past.member("returns", "rail", "2009-01-01", last_day="2010-03-31")
    past.member("returns", "rail", "2010-12-31")
    past.member("absorbed", "rail", "2009-01-01")
    merge(past, "absorbed", "heir", "2010-06-01")
    past.member("new", "rail", "2010-01-01")
    assert past.numbers("retention", **YEAR_2010) == (3, 4, 0)
    assert past.numbers("retention", **YEAR_2011) == (4, 4, 0)
    assert past.table("retention", by="cluster", **YEAR_2010) == {"rail": (3, 4, 0)}


def test_retention_is_told_by_the_year_of_joining(past: History) -> None:
    past.company("A", "B", "C", "D")
    past.member("A", "rail", "2008-05-01")
    past.member("B", "rail", "2008-07-01", last_day="2010-06-30")
    past.member("C", "rail", "2008-03-01", last_day="2008-03-31")
    past.member("C", "food", "2009-09-01")
    past.member("D", "rail", "2009-02-01")
    merge(past, "D", "A", "2010-06-01")
    assert past.table("retention", by="joined", **YEAR_2010) == {
        "2008": (2, 3, 0),
        "2009": (1, 1, 0),
    }
    in_food = past.table("retention", by="joined", cluster="food", **YEAR_2010)
    assert in_food == {"2009": (1, 1, 0)}, "of a cluster, the year of joining it"
    of_2009 = past.behind("retention", by="joined", key="2009", **YEAR_2010).items
    assert {fact.type for fact in of_2009} == {"membership.admitted.v1"}
    assert len({fact.stream for fact in of_2009}) == 2, "D's, and its heir's"
    without_beginning = past.figure("retention", by="joined", period_to=date(2010, 12, 31))
    assert without_beginning.rows == ()


def test_a_voided_end_keeps_the_member_from_its_position_on(past: History) -> None:
    past.company("A", "B")
    past.member("A", "rail", "2009-01-01")
    past.member("B", "rail", "2009-01-01", last_day="2010-06-30")
    ended = past.head
    past.void(ended)
    assert past.value("leavers", known_at=ended, **YEAR_2010) == 1
    assert past.value("leavers", **YEAR_2010) == 0
    assert past.value("members", period_to=date(2010, 12, 31)) == 2


def test_the_facts_behind_leavers_are_their_memberships(past: History) -> None:
    past.company("A", "B")
    past.member("A", "rail", "2009-01-01", last_day="2010-06-30")
    past.member("B", "rail", "2009-01-01")
    facts = past.behind("leavers", **YEAR_2010).items
    assert [fact.type for fact in facts] == ["membership.admitted.v1", "membership.ended.v1"]
    assert len(past.behind("members", period_to=date(2010, 6, 30)).items) == 2


def test_what_went_on_as_the_heirs_ends_with_the_heir(past: History) -> None:
    past.company("A", "B", "U")
    past.member("A", "rail", "2009-01-01")
    past.member("B", "food", "2009-01-01")
    past.project("tram", "rail", on="2009-01-01")
    past.enrolled("tram", "A", "2009-01-01")
    past.enrolled("tram", "U", "2009-01-01")
    merge(past, "A", "B", "2010-07-01")
    past.post("organisation.dissolved", organisation_id=uid("B"), effective_on="2011-03-01")
    assert flows(past) == (2, 0, 0, 0, 1, 1)
    assert flows(past, year=2011) == (1, 0, 0, 1, 0, 0)
    assert flows(past, year=2011, cluster="rail") == (1, 0, 0, 1, 0, 0)
    assert past.numbers("retention", **YEAR_2011) == (0, 1, 0)
    after = {"period_from": date(2011, 3, 1), "period_to": date(2011, 12, 31)}
    assert past.value("organisations_involved", **after) == 1
    assert past.value("enrolments", **after) == 1
    assert past.value("members@1", period_to=date(2011, 12, 31)) == 1, "as the version before"
    assert past.value("enrolments@1", **after) == 2


def test_a_split_moves_nothing_to_the_parts(past: History) -> None:
    past.company("whole", "left", "right")
    past.member("whole", "rail", "2009-01-01")
    parts = [uid("left"), uid("right")]
    past.post(
        "organisation.split", organisation_id=uid("whole"), into=parts, effective_on="2010-07-01"
    )
    past.member("left", "rail", "2010-07-01")
    assert flows(past) == (1, 1, 0, 0, 0, 2)
    past.post("organisation.dissolved", organisation_id=uid("whole"), effective_on="2010-07-02")
    assert flows(past) == (1, 1, 0, 1, 0, 1)
    assert past.numbers("retention", **YEAR_2010) == (0, 1, 0)


def test_the_neighbours_of_what_was_voided_stand_as_they_stood(past: History) -> None:
    past.company("A")
    past.member("A", "rail", "2009-01-01", last_day="2009-12-31")
    past.member("A", "rail", "2010-03-01", last_day="2010-06-30")
    middle = past.head - 1
    past.member("A", "rail", "2010-09-01")
    assert flows(past) == (1, 0, 2, 2, 0, 1)
    voids = [
        incoming(f"v{n}", SOURCE, "fact.voided.v1", {"target": f"f{n}", "reason": "wrong"})
        for n in (middle + 1, middle)
    ]
    past.posted = past.ledger.record(OFFICE, voids)[-1].position
    assert flows(past) == (1, 0, 1, 1, 0, 1)
    assert flows(past, year=2009) == (0, 1, 0, 0, 0, 1)
    with pytest.raises(Refused, match="Void them in the same batch"):
        past.void(middle - 1)  # the first spell would run into the last one
