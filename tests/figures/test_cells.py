"""From every cell down to its facts: counted again from the facts alone, each number comes out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from itertools import combinations
from typing import Any

import pytest

from ledger.domain import facts as f
from ledger.domain.facts import Fact
from ledger.store.codec import decode_leaf
from projections.figures.asking import TIMES
from projections.figures.catalogue import CATALOGUE
from projections.figures.compute import Figure
from projections.figures.refusals import UnknownDimension, UnknownRow
from tests.conftest import FreshDatabase
from tests.figures.history import History, history, numbers_of, uid

PERIOD: dict[str, Any] = {"period_from": date(2018, 1, 1), "period_to": date(2019, 12, 31)}
KINDS = {
    "company": ("a", "b", "c", "d", "old"),
    "university": ("u",),
    "research_institute": ("r",),
}
COMPANIES = {uid(name) for name in KINDS["company"]}


@pytest.fixture(scope="module")
def past(fresh_database: FreshDatabase) -> Iterator[History]:
    """Two years in which every figure but the mergers counts something, in most of its classes."""
    with fresh_database() as url, history(url) as told:
        told.cluster("rail", "food", "wood")
        for kind, names in KINDS.items():
            told.company(*names, kind=kind)
        for name, size, nuts3, spatial in (
            ("a", "small", "DE211", "urban"),
            ("b", "large", "DE212", "rural"),
            ("c", "micro", "DE271", "rural"),
        ):
            on = {"organisation_id": uid(name), "effective_on": "2010-01-01"}
            told.post("organisation.reclassified", **on, scheme="size_class", code=size)
            told.post("organisation.relocated", **on, nuts3=nuts3, spatial=spatial)
        _members(told)
        _activities(told)
        _projects(told)
        told.project_all()
        yield told


def _members(told: History) -> None:
    told.member("a", "rail", "2017-01-01")
    told.member("a", "food", "2018-03-01")
    told.member("b", "food", "2017-01-01", "2018-06-30")
    told.member("b", "food", "2019-02-01")
    told.member("c", "wood", "2018-05-01")
    told.member("old", "rail", "2016-01-01")
    told.post("organisation.dissolved", organisation_id=uid("old"), effective_on="2019-04-01")
    told.member("u", "wood", "2019-12-31")


def _activities(told: History) -> None:
    told.activity("fair", "rail", "food", on="2018-06-01")
    told.activity("talk", "food", on="2018-11-01")
    told.activity("walk", "wood", "rail", on="2019-06-01")
    told.came("fair", ["ann"], "a")
    told.came("fair", ["bob", "cem"], "u")
    told.came("talk", ["ann", "dia"])
    told.came("walk", ["ann", "eva"], "d")
    told.headcount("fair", 4, "unlisted")
    for person in ("fay", "gus", "ann again"):
        told.post("attendance.registered", activity_id=uid("fair"), person_ref=uid(person))
    told.post("person.marked_duplicate", person_ref=uid("ann again"), of=uid("ann"))


def _projects(told: History) -> None:
    told.project("tram", "rail", "wood", on="2018-02-01", last_day="2019-12-31")
    told.project("bread", "food", on="2019-03-01")
    for project, on in (("tram", "2018-01-15"), ("bread", "2019-04-01")):
        terms = {"volume_cents": 900, "grant_cents": 400, "effective_on": on}
        told.post("project.approved", project_id=uid(project), **terms)
    for project, name, on in (
        ("tram", "a", "2018-02-01"), ("tram", "d", "2018-02-01"), ("tram", "r", "2018-06-01"),
        ("bread", "b", "2019-03-01"), ("bread", "u", "2019-07-01"), ("bread", "a", "2019-03-01"),
    ):  # fmt: skip
        told.enrolled(project, name, on)


# --- the numbers, from the facts of a cell alone ------------------------------------------------

Again = Callable[[Sequence[Fact]], tuple[int, ...]]


def distinct(*names: str) -> Again:
    """Distinct values of these fields among facts that have them all."""

    def again(facts: Sequence[Fact]) -> tuple[int, ...]:
        has = [fact for fact in facts if all(hasattr(fact, name) for name in names)]
        values = {tuple(getattr(fact, name) for name in names) for fact in has}
        return (len([value for value in values if None not in value]),)

    return again


def participations(facts: Sequence[Fact]) -> tuple[int, ...]:
    named = distinct("activity_id", "person_ref")(facts)[0]
    return (named + sum(x.count for x in facts if isinstance(x, f.HeadcountRecorded)),)


def coverage(facts: Sequence[Fact]) -> tuple[int, ...]:
    return (*distinct("activity_id", "person_ref")(facts), *participations(facts), 0)


def repeated(facts: Sequence[Fact]) -> tuple[int, ...]:
    visits = Counter(x.person_ref for x in facts if isinstance(x, f.AttendanceRecorded))
    assert all(times > 1 for times in visits.values())
    return (len(visits),)


def edges(facts: Sequence[Fact]) -> tuple[int, ...]:
    parts = {(x.project_id, x.organisation_id) for x in facts if isinstance(x, f.EnrolmentStarted)}
    pairs = {frozenset((a, b)) for (p, a), (q, b) in combinations(parts, 2) if p == q and a != b}
    return (len(pairs),)


def newly(facts: Sequence[Fact]) -> tuple[int, ...]:
    who = {x.organisation_id for x in facts if isinstance(x, f.EnrolmentStarted)}
    assert bool(who & COMPANIES) == bool(who - COMPANIES), "who met whom"
    return (len(who & COMPANIES),)


AGAIN: dict[str, Again] = {
    "activities": distinct("held_on", "activity_id"),
    "participations": participations,
    "coverage": coverage,
    "distinct_persons": distinct("person_ref"),
    "repeat_persons": repeated,
    "no_shows": distinct("activity_id", "person_ref"),
    "membership_pairs": distinct("organisation_id", "cluster"),
    "enrolments": distinct("project_id", "organisation_id"),
    "partner_edges": edges,
    "newly_engaged_with_research": newly,
    **dict.fromkeys(
        ("members", "joins", "rejoins", "leavers", "organisations_involved", "companies_involved",
         "first_time_organisations"),
        distinct("organisation_id"),
    ),
    **dict.fromkeys(
        ("projects_running", "projects_started", "projects_approved", "projects_ended"),
        distinct("project_id"),
    ),
}  # fmt: skip
"""Of shares the denominator and the unknown are counted again, of money whether there is any."""


def facts_of(past: History, figure: str, **asked: Any) -> list[Fact]:
    found, after = [], None
    while True:
        page = past.behind(figure, **asked, after=after, limit=1_000)
        found += [fact.position for fact in page.items]
        after = page.next
        if after is None:
            break
    rows = past.conn.execute(
        "SELECT state FROM ledger.facts WHERE notification_id = ANY(%s)", (found,), binary=True
    )
    return [decode_leaf(bytes(state)).fact for (state,) in rows.fetchall()]


def tables(figure: str) -> list[dict[str, Any]]:
    definition = CATALOGUE[figure]
    asked: list[dict[str, Any]] = [
        {"by": by, "of": of} for by in definition.dimensions for of in definition.of or (None,)
    ]
    return [*asked, {"by": "cluster", "of": None, "view": "lead"}]


def agrees(figure: str, numbers: tuple[int, ...], facts: Sequence[Fact], of: str | None) -> bool:
    again = AGAIN.get(figure)
    if again is not None:
        return again(facts) == numbers
    if CATALOGUE[figure].measure == "share":
        again = participations if of == "participations" else distinct("organisation_id")
        return again(facts) == (sum(numbers[1:]),)
    return bool(facts) == any(numbers)


@pytest.mark.parametrize("figure", sorted(CATALOGUE))
def test_a_number_is_counted_again_from_the_facts_of_its_cell(past: History, figure: str) -> None:
    for of in CATALOGUE[figure].of or (None,):
        whole = past.numbers(figure, **PERIOD, of=of)
        assert agrees(figure, whole, facts_of(past, figure, **PERIOD, of=of), of)
    for asked in tables(figure):
        for row in past.figure(figure, **PERIOD, **asked).rows or ():
            cell = {**PERIOD, **asked, "key": row.key}
            assert agrees(figure, numbers_of(row), facts_of(past, figure, **cell), asked["of"]), (
                cell
            )


@pytest.mark.parametrize("figure", sorted(CATALOGUE))
def test_what_a_definition_calls_additive_adds_up(past: History, figure: str) -> None:
    definition = CATALOGUE[figure]
    for by in definition.additive:
        for period in (PERIOD, {**PERIOD, "period_from": None}):
            for of in definition.of or (None,):
                table = past.figure(figure, **period, by=by, view="lead", of=of)
                assert _summed(table) == numbers_of(table), (by, period, of)


def _summed(table: Figure) -> tuple[int, ...]:
    rows = [numbers_of(row) for row in table.rows or ()]
    return tuple(map(sum, zip((0,) * len(numbers_of(table)), *rows, strict=True)))


def test_control_a_period_by_year_is_not_additive_where_it_is_not_said_to_be(past: History) -> None:
    assert "year" not in CATALOGUE["companies_involved"].additive
    table = past.figure("companies_involved", **PERIOD, by="year")
    assert _summed(table) != numbers_of(table)


def test_who_caused_the_leaving_is_among_its_facts(past: History) -> None:
    types = [type(x) for x in facts_of(past, "leavers", **PERIOD, by="year", key="2019")]
    assert f.OrganisationDissolved in types
    types = [type(x) for x in facts_of(past, "leavers", **PERIOD, by="year", key="2018")]
    assert types.count(f.MembershipEnded) == 1


def test_a_row_there_is_not_is_refused_with_those_there_are(past: History) -> None:
    for by, key, allowed in (
        ("year", "2030", ("2018", "2019")),
        ("cluster", "moon", ("food", "rail", "wood")),
        ("nuts2", "XX99", ("DE21", "DE27", "unknown")),
        ("year", None, ("2018", "2019")),
    ):
        with pytest.raises(UnknownRow) as refused:
            past.behind("companies_involved", **PERIOD, by=by, key=key)
        assert refused.value.allowed == allowed
    with pytest.raises(UnknownDimension):
        past.behind("companies_involved", **PERIOD, by="mode", key="online")
    with pytest.raises(UnknownRow) as refused:
        past.behind("companies_involved", **PERIOD, key="2018")
    assert set(TIMES) <= set(refused.value.allowed)


def test_a_closed_cluster_and_a_dissolved_heir_are_among_the_facts_of_leaving(
    database_url: str,
) -> None:
    with history(database_url) as past:
        past.cluster("rail", "food")
        past.company("A", "B", "C")
        past.member("A", "rail", "2017-01-01")
        past.member("B", "food", "2017-01-01")
        absorbed = {"organisation_id": uid("B"), "into": uid("C"), "effective_on": "2018-01-01"}
        merged = past.post("organisation.merged", **absorbed)
        closed = past.post("cluster.closed", cluster="rail", effective_on="2018-05-01")
        gone = past.post(
            "organisation.dissolved", organisation_id=uid("C"), effective_on="2019-01-01"
        )
        for year, cause in (("2018", closed), ("2019", gone)):
            facts = past.behind("leavers", **PERIOD, by="year", key=year).items
            assert cause in {fact.position for fact in facts}
            assert merged not in {fact.position for fact in facts}
        assert past.rows("leavers", **PERIOD, by="year") == {"2018": 1, "2019": 1}


def test_a_project_that_ends_on_the_periods_last_day_is_among_its_facts(past: History) -> None:
    (ended,) = facts_of(past, "projects_ended", **PERIOD)
    assert isinstance(ended, f.ProjectEnded)
    assert ended.last_day == PERIOD["period_to"]
