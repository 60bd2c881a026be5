"""What an answer looks like, what is refused, and the facts behind a number."""

from __future__ import annotations

from datetime import date
from hashlib import sha256

import orjson
import psycopg
import pytest
import rfc8785

from projections.figures.asking import MOST_QUARTERS, MOST_YEARS
from projections.figures.compute import Period
from projections.figures.overview import complete_years
from projections.figures.refusals import (
    FigureRefusal,
    InvalidCursor,
    PeriodReversed,
    TooManyQuarters,
    TooManyYears,
    UnknownCluster,
    UnknownDimension,
    UnknownOf,
    UnknownView,
)
from tests.figures.history import History, history, uid


@pytest.fixture
def three(past: History) -> History:
    """Three companies in two clusters, a joint activity, a project."""
    past.company("A", "B", "C")
    past.member("A", "rail", "2010-03-01")
    past.member("B", "food", "2011-03-01")
    past.activity("joint", "rail", "food", on="2011-06-01")
    past.came("joint", ["ann", "bob", "cem", "dia"], "C")
    past.project("tram", "rail", on="2010-01-01")
    past.enrolled("tram", "A", "2010-01-01")
    return past


def test_the_canonical_bytes_are_rfc_8785_and_name_everything_a_figure_depends_on(
    three: History,
) -> None:
    figure = three.figure("activities", by="cluster")
    read = orjson.loads(figure.canonical())
    assert figure.canonical() == rfc8785.dumps(read)
    assert read == {
        "origin": "test.example/2026",
        "definition": "activities@2",
        "sha256": figure.sha256,
        "period": {"from": None, "to": "2020-12-31"},
        "known_at": three.head,
        "parameters": {"by": "cluster", "view": "participating"},
        "value": 1,
        "rows": [
            {"key": "food", "value": 1},
            {"key": "rail", "value": 1},
            {"key": "wood", "value": 0},
        ],
        "joint_adjustment": -1,
    }
    assert figure.digest == sha256(figure.canonical()).hexdigest()


def test_a_figure_stays_the_same_to_the_byte_when_more_is_known(three: History) -> None:
    position = three.head
    before = three.figure("companies_involved", by="year")
    three.company("D")
    three.member("D", "rail", "2010-03-01")
    assert three.figure("companies_involved", by="year", known_at=position).canonical() == (
        before.canonical()
    )
    assert three.value("companies_involved") == before.value + 1


def test_an_empty_ledger_counts_nothing(past: History) -> None:
    assert past.value("companies_involved", known_at=0) == 0
    assert past.figure("companies_involved", by="year", known_at=0).rows == ()
    assert past.figure("companies_involved", by="cluster", known_at=0).rows == ()


def test_years_are_cut_by_the_period(three: History) -> None:
    period = {"period_from": date(2010, 6, 1), "period_to": date(2011, 5, 31)}
    assert three.rows("activities", by="year", **period) == {"2010": 0, "2011": 0}
    assert three.rows("companies_involved", by="year", **period) == {"2010": 1, "2011": 2}


def test_years_of_one_cluster(three: History) -> None:
    period = {"period_from": date(2010, 1, 1), "period_to": date(2011, 12, 31)}
    rows = three.rows("companies_involved", by="year", cluster="food", **period)
    assert rows == {"2010": 0, "2011": 2}


@pytest.mark.parametrize(
    ("asked", "refusal", "code"),
    [
        ({"by": "colour"}, UnknownDimension, "unknown_dimension"),
        (
            {"by": "quarter", "period_from": date(2020 - MOST_QUARTERS // 4, 1, 1)},
            TooManyQuarters,
            "too_many_quarters",
        ),
        ({"of": "members"}, UnknownOf, "unknown_of"),
        ({"by": "cluster", "view": "both"}, UnknownView, "unknown_view"),
        ({"cluster": "moon"}, UnknownCluster, "unknown_cluster"),
        ({"period_from": date(2021, 1, 1)}, PeriodReversed, "period_reversed"),
        (
            {"by": "year", "period_from": date(2020 - MOST_YEARS, 1, 1)},
            TooManyYears,
            "too_many_years",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused_with_a_code(
    past: History, asked: dict[str, object], refusal: type[FigureRefusal], code: str
) -> None:
    with pytest.raises(refusal) as refused:
        past.figure("activities", **asked)
    assert refused.value.code == code


def test_a_refusal_names_what_is_allowed(past: History) -> None:
    with pytest.raises(UnknownCluster) as refused:
        past.figure("activities", cluster="moon")
    assert refused.value.allowed == ("food", "rail", "wood")
    with pytest.raises(UnknownDimension) as refused:
        past.figure("activities", by="colour")
    assert refused.value.allowed[:3] == ("cluster", "year", "quarter")


def test_a_session_keeps_its_settings(three: History) -> None:
    three.value("activities")
    shown = three.conn.execute("SHOW enable_nestloop").fetchone()
    assert shown == ("on",)


def test_a_figure_is_computed_inside_the_callers_transaction_too(three: History) -> None:
    three.project_all()
    with three.conn.transaction():
        assert three.value("activities") == 1
    assert three.conn.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


def test_the_facts_behind_participations_are_the_attendances_counts_and_lists(
    three: History,
) -> None:
    gone = three.came("joint", ["eva"])
    three.void(gone)
    counted = three.headcount("joint", 9, "total")
    facts = three.behind("participations").items
    types = [fact.type for fact in facts]
    assert types.count("attendance.recorded.v1") == 4
    assert gone not in {fact.position for fact in facts}
    assert counted in {fact.position for fact in facts}
    assert types.count("activity.held.v1") == 1


def test_the_facts_behind_companies_are_those_that_involve_them(three: History) -> None:
    three.company("U", kind="university")
    three.member("U", "rail", "2010-01-01")
    types = sorted(fact.type for fact in three.behind("companies_involved").items)
    assert types == [
        *["attendance.recorded.v1"] * 4,
        "enrolment.started.v1",
        *["membership.admitted.v1"] * 2,
    ]
    everybody = three.behind("organisations_involved").items
    assert len(everybody) == len(types) + 1


def test_the_facts_behind_one_cell_are_its_own(three: History) -> None:
    in_2010 = {"period_from": date(2010, 1, 1), "period_to": date(2010, 12, 31)}
    facts = three.behind("companies_involved", cluster="rail", **in_2010).items
    assert sorted(f.type for f in facts) == ["enrolment.started.v1", "membership.admitted.v1"]
    assert three.behind("activities", cluster="food", view="lead").items == ()


def test_pages_of_facts_join_without_gap_or_double(three: History) -> None:
    whole = three.behind("participations")
    assert whole.next is None
    paged, after = [], None
    while True:
        page = three.behind("participations", after=after, limit=2)
        paged += page.items
        after = page.next
        if after is None:
            break
    assert tuple(paged) == whole.items


@pytest.mark.parametrize("cursor", ["", "5", "5/x/y", "99/" + str(uid("A")) + "/", "5//"])
def test_a_foreign_cursor_is_refused(past: History, cursor: str) -> None:
    with pytest.raises(InvalidCursor):
        past.behind("participations", after=cursor)


def test_the_public_sees_up_to_the_last_complete_year(three: History) -> None:
    three.project_all()
    years = complete_years(three.engine, known_at=three.head, today=date(2012, 5, 1))
    assert years == Period(from_day=date(2006, 1, 1), to_day=date(2011, 12, 31))


def test_without_a_complete_year_the_public_sees_nothing(past: History) -> None:
    past.project_all()
    assert complete_years(past.engine, known_at=past.head, today=date(2006, 12, 31)) is None
    assert complete_years(past.engine, known_at=0, today=date(2020, 1, 1)) is None


def test_a_table_by_year_begins_with_an_approval_that_came_before_anything_else(
    database_url: str,
) -> None:
    with history(database_url) as past:
        past.cluster("rail", on="2012-01-01")
        past.project("tram", "rail", on="2012-03-01")
        terms = {"volume_cents": 900, "grant_cents": 400}
        past.post("project.approved", project_id=uid("tram"), effective_on="2011-12-15", **terms)
        to_2012 = {"period_to": date(2012, 12, 31)}
        assert past.rows("projects_approved", by="year", **to_2012) == {"2011": 1, "2012": 0}
        assert past.value("projects_approved", **to_2012) == 1
