"""Spells of one organisation in one cluster."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest

from ledger.domain.commands import Incoming
from ledger.domain.membership import Membership
from ledger.domain.streams import Kind, stream_id
from tests.domain.kit import Given, fact, in_the_way


class Pair:
    """One organisation and one cluster."""

    def __init__(self, given: Given) -> None:
        self.given = given
        self.who, self.cluster = given.organisation(), given.cluster()

    def fact(self, type: str, **data: Any) -> Incoming:
        return fact(f"membership.{type}", organisation_id=self.who, cluster=self.cluster, **data)

    def post(self, type: str, **data: Any) -> Any:
        return self.given.record(self.fact(type, **data))[0]

    def admit(self, day: str) -> Any:
        return self.post("admitted", effective_on=day)

    def end(self, last_day: str) -> Any:
        return self.post("ended", last_day=last_day, cause="resigned")

    def refused(self, code: str, type: str, **data: Any) -> Any:
        return self.given.refused(code, self.fact(type, **data))

    def spells(self) -> list[tuple[str, str | None]]:
        """First day and the day after the last one, as they fold from what is stored."""
        from ledger.domain.history import fold, standing
        from ledger.domain.membership import LAW

        book = self.given.ledger.book
        id = stream_id(book.space, Kind.membership, self.who, self.cluster)
        state: Membership = fold(LAW, standing(book.streams([id])[id]))
        return [(str(s.from_day), s.to_day and str(s.to_day)) for s in state.spells]


@pytest.fixture
def pair(given: Given) -> Pair:
    return Pair(given)


def test_a_second_admission_within_a_spell_is_refused(pair: Pair) -> None:
    pair.admit("2010-01-01")
    for day in ("2009-06-01", "2010-01-01", "2015-01-01"):
        pair.refused("already_a_member", "admitted", effective_on=day)
    assert pair.spells() == [("2010-01-01", None)]


def test_the_same_day_in_another_cluster_is_another_spell(given: Given, pair: Pair) -> None:
    pair.admit("2010-01-01")
    other = given.cluster()
    given.post(
        "membership.admitted", organisation_id=pair.who, cluster=other, effective_on="2010-01-01"
    )


def test_a_spell_includes_its_last_day(pair: Pair) -> None:
    pair.admit("2010-01-01")
    pair.end("2012-12-31")
    pair.refused("already_a_member", "admitted", effective_on="2012-12-31")
    pair.admit("2013-01-01")
    assert pair.spells() == [("2010-01-01", "2013-01-01"), ("2013-01-01", None)]


def test_a_spell_may_last_one_day_and_no_less(pair: Pair) -> None:
    pair.admit("2010-01-01")
    pair.refused("not_a_member", "ended", last_day="2009-12-31", cause="lapsed")
    pair.end("2010-01-01")
    assert pair.spells() == [("2010-01-01", "2010-01-02")]


def test_a_second_end_of_a_spell_is_refused_whatever_its_day(pair: Pair) -> None:
    pair.admit("2010-01-01")
    pair.end("2012-12-31")
    for last_day in ("2011-06-30", "2012-12-31", "2014-01-01"):
        pair.refused("not_a_member", "ended", last_day=last_day, cause="expelled")
    assert pair.spells() == [("2010-01-01", "2013-01-01")]


def test_an_end_without_a_spell_is_refused(pair: Pair) -> None:
    pair.refused("not_a_member", "ended", last_day="2012-12-31", cause="expelled")
    pair.admit("2010-01-01")
    pair.end("2012-12-31")


def test_rejoining_opens_a_spell_that_has_an_end_of_its_own(pair: Pair) -> None:
    pair.admit("2010-01-01")
    pair.end("2012-12-31")
    pair.admit("2015-01-01")
    pair.end("2016-12-31")
    assert pair.spells() == [("2010-01-01", "2013-01-01"), ("2015-01-01", "2017-01-01")]


def test_a_late_fact_takes_its_place_by_its_day(pair: Pair) -> None:
    pair.admit("2015-01-01")
    refused = pair.refused("already_a_member", "admitted", effective_on="2010-01-01")
    assert len(in_the_way(refused)) == 1
    pair.given.record(
        pair.fact("admitted", effective_on="2010-01-01"),
        pair.fact("ended", last_day="2012-12-31", cause="lapsed"),
    )
    assert pair.spells() == [("2010-01-01", "2013-01-01"), ("2015-01-01", None)]


def test_an_end_and_an_admission_of_one_day_fit_in_either_order(given: Given) -> None:
    for turned in (False, True):
        pair = Pair(given)
        pair.admit("2010-01-01")
        batch = [
            pair.fact("ended", last_day="2012-12-31", cause="lapsed"),
            pair.fact("admitted", effective_on="2013-01-01"),
        ]
        given.record(*(reversed(batch) if turned else batch))
        assert pair.spells() == [("2010-01-01", "2013-01-01"), ("2013-01-01", None)]


def test_one_application_waits_at_a_time(pair: Pair) -> None:
    pair.refused(
        "no_application", "application_closed", effective_on="2010-01-01", outcome="declined"
    )
    pair.post("applied", effective_on="2010-01-01")
    pair.refused("application_pending", "applied", effective_on="2010-02-01")
    pair.post("application_closed", effective_on="2010-03-01", outcome="declined")
    pair.post("applied", effective_on="2010-04-01")
    pair.admit("2010-05-01")
    pair.refused("already_a_member", "applied", effective_on="2010-06-01")


def test_only_a_member_is_suspended_and_reinstated_in_turn(pair: Pair) -> None:
    suspend = partial(pair.fact, "suspended")
    pair.given.refused("not_a_member", suspend(effective_on="2010-06-01"))
    pair.admit("2010-01-01")
    pair.refused("not_suspended", "reinstated", effective_on="2010-06-01")
    pair.post("suspended", effective_on="2010-06-01")
    pair.refused("already_suspended", "suspended", effective_on="2010-07-01")
    pair.post("reinstated", effective_on="2010-08-01")
    pair.refused("not_a_member", "category_changed", effective_on="2009-01-01", category="gold")
    pair.post("category_changed", effective_on="2010-09-01", category="gold")


def test_nothing_becomes_effective_after_a_dissolution(given: Given, pair: Pair) -> None:
    pair.admit("2010-01-01")
    given.post("organisation.dissolved", organisation_id=pair.who, effective_on="2015-01-01")
    pair.refused("after_dissolution", "suspended", effective_on="2015-02-01")
    pair.refused("after_dissolution", "ended", last_day="2015-01-01", cause="dissolved")
    given.refused(
        "after_dissolution",
        fact(
            "organisation.renamed", organisation_id=pair.who, name="Neu", effective_on="2015-02-01"
        ),
    )
    pair.post("suspended", effective_on="2014-01-01")
    pair.end("2014-12-31")


def test_an_organisation_is_dissolved_once(given: Given, pair: Pair) -> None:
    dissolved = partial(fact, "organisation.dissolved", organisation_id=pair.who)
    given.record(dissolved(effective_on="2015-01-01"))
    given.refused("already_dissolved", dissolved(effective_on="2015-01-01"))
    given.refused("after_dissolution", dissolved(effective_on="2016-01-01"))


def test_a_dissolution_before_standing_facts_names_them(given: Given, pair: Pair) -> None:
    late = pair.admit("2016-01-01")
    dissolved = fact("organisation.dissolved", organisation_id=pair.who, effective_on="2015-01-01")
    assert in_the_way(given.refused("after_dissolution", dissolved)) == {late.id}
    given.void(late)
    given.record(dissolved)


def test_nothing_becomes_effective_after_a_clusters_closing(given: Given, pair: Pair) -> None:
    pair.admit("2010-01-01")
    given.post("cluster.closed", cluster=pair.cluster, effective_on="2015-01-01")
    pair.refused("cluster_closed", "suspended", effective_on="2015-02-01")
    pair.post("suspended", effective_on="2014-02-01")
    given.refused(
        "already_closed", fact("cluster.closed", cluster=pair.cluster, effective_on="2016-01-01")
    )
