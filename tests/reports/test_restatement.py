"""The restatement: moves of facts that add up to the difference."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from datetime import date
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from ledger.domain.commands import Refused
from projections.figures.catalogue import CATALOGUE, composed, gathered
from projections.figures.compute import compute
from projections.reports.catalogue import report_of
from projections.reports.compute import Asked, Question, compute_report, questions_of
from projections.reports.explaining import Restatement, lines, of_filings
from projections.reports.filing import Filed, filing_at, published
from projections.reports.refusals import ReportsNotComparable
from projections.reports.restatement import Restated, Subject, restate
from tests.figures.history import History, uid
from tests.reports.programme import joint_programme

YEAR = (date(2018, 1, 1), date(2018, 12, 31))


def question(figure: str, by: str | None = None) -> Question:
    return Question(figure, by, "participating", *YEAR, ())


def restated(
    past: History, after: int, *questions: Question, evaluations: int = 10_000
) -> Restated:
    past.project_all()
    subjects = [Subject(q, CATALOGUE[q.figure], CATALOGUE[q.figure]) for q in questions]
    return restate(past.engine, subjects, after=after, upto=past.head, evaluations=evaluations)


def moves(found: Restated) -> dict[int, dict[tuple[str, str], int]]:
    """By position: `{(figure, key): moved}`."""
    return {
        step.position: {(m.cell.figure, m.cell.key): m.by for m in step.moved}
        for step in found.steps
    }


def assert_it_adds_up(found: Restated | Restatement) -> None:
    """For each cell, versions, facts and runs make the difference."""
    explained: Counter[Any] = Counter()
    steps: Any = found.facts if isinstance(found, Restatement) else found.steps
    for line in (*found.versions, *steps, *found.runs):
        for moved in line.moved:
            explained[str(moved.cell)] += moved.by
    differences = {str(d.cell): d.after - d.before for d in found.differences}
    assert {cell: by for cell, by in explained.items() if by} == differences


def test_questions_share_the_evaluations(past: History) -> None:
    """Of four, each question gets two: no run is left as it was."""
    joint_programme(past)
    filed = past.head
    names = [f"late-{number}" for number in range(8)]
    past.company(*names)
    for number, name in enumerate(names):
        past.member(name, "food", "2018-03-01")
        past.headcount("talk", 10 + number, "unlisted")
    found = restated(past, filed, question("members"), question("participations"), evaluations=4)
    assert_it_adds_up(found)
    runs = Counter(run.figure for run in found.runs)
    assert runs == {"members": 3, "participations": 3}


def test_each_move_has_its_fact(past: History) -> None:
    joint_programme(past)
    filed = past.head
    raised = past.headcount("talk", 9, "unlisted")
    past.company("d")
    joined = past.member("d", "food", "2018-03-01")
    past.member("d", "wood", "2019-03-01")
    found = restated(
        past,
        filed,
        question("participations"),
        question("participations", "cluster"),
        question("companies_involved"),
    )
    assert moves(found) == {
        raised: {("participations", ""): 2, ("participations", "rail"): 2},
        joined: {("companies_involved", ""): 1},
    }
    assert_it_adds_up(found)


def test_a_move_and_its_return_are_both_found(past: History) -> None:
    """Equal values at both ends of a run do not prove that nothing moved inside."""
    joint_programme(past)
    filed = past.head
    up = past.headcount("talk", 9, "unlisted")
    down = past.void(up)
    found = restated(past, filed, question("participations"))
    assert found.differences == ()
    assert moves(found) == {
        up: {("participations", ""): 2},
        down: {("participations", ""): -2},
    }


def test_what_is_not_looked_at_one_by_one_stands_in_a_run(past: History) -> None:
    joint_programme(past)
    filed = past.head
    for count in range(8, 24):
        past.headcount("talk", count, "unlisted")
    (difference,) = (
        cut := restated(past, filed, question("participations"), evaluations=3)
    ).differences
    assert difference.after - difference.before == 16
    assert sum(run.facts for run in cut.runs) + len(cut.steps) == 16
    assert_it_adds_up(cut)
    whole = restated(past, filed, question("participations"))
    assert len(whole.steps) == 16
    assert whole.runs == ()


def test_it_tells_how_many_evaluations_are_done(past: History) -> None:
    joint_programme(past)
    filed = past.head
    for count in range(8, 12):
        past.headcount("talk", count, "unlisted")
    past.project_all()
    asked, told = question("participations"), []
    subject = Subject(asked, *[CATALOGUE[asked.figure]] * 2)
    restate(
        past.engine,
        [subject],
        after=filed,
        upto=past.head,
        evaluations=9,
        tell=lambda *at: told.append(at),
    )
    assert told == sorted(told)
    assert {*told} == {(n, 9) for n in range(4)}, "three halvings tell four facts apart"


def test_long_runs_that_concern_no_figure_cost_nothing(past: History) -> None:
    joint_programme(past)
    filed = past.head
    past.activity("later", "rail", on="2020-01-01")
    past.came("later", [f"p{n}" for n in range(20)])
    late = past.headcount("talk", 9, "unlisted")
    found = restated(past, filed, question("participations"), evaluations=0)
    assert moves(found) == {late: {("participations", ""): 2}}
    assert found.runs == ()


def test_a_changed_definition_is_a_line_of_its_own(past: History) -> None:
    joint_programme(past)
    filed = past.head
    late = past.headcount("talk", 9, "unlisted")
    past.project_all()
    old = CATALOGUE["participations"]
    text = (
        "-- Needs: held_cell, participation\n"
        "SELECT held_cell.bucket, held_cell.key,"
        " CAST(2 * sum(participation.participations) AS bigint) AS value\n"
        "FROM held_cell JOIN participation ON participation.activity_id = held_cell.activity_id\n"
        "GROUP BY held_cell.bucket, held_cell.key\n"
    )
    new = replace(
        old, version=old.version + 1, text=text, needed=gathered(text), sql=composed(text)
    )
    subject = Subject(question("participations"), old, new)
    found = restate(past.engine, [subject], after=filed, upto=past.head)
    (version,) = found.versions
    (difference,) = found.differences
    assert (difference.before, difference.after) == (47, 98)
    assert [moved.by for moved in version.moved] == [47], "doubled at the same position"
    assert moves(found) == {late: {("participations", ""): 4}}
    assert_it_adds_up(found)


def filed_at(past: History, report: str = "complete", **period: Any) -> Filed:
    past.project_all()
    made = compute_report(
        past.engine,
        report_of(report),
        **{"period_from": YEAR[0], "period_to": YEAR[1], "parameters": {}} | period,
        known_at=past.head,
    )
    fact = published(made)
    data = {name: getattr(fact, name) for name in fact.__struct_fields__}
    data["definitions"] = [
        {"definition": d.definition, "sha256": d.sha256} for d in fact.definitions
    ]
    position = past.post("report.published", **data)
    past.project_all()
    found = filing_at(past.conn, position, upto=position)
    assert found is not None
    return found


def test_a_restatement_names_who_why_and_how_late(past: History) -> None:
    joint_programme(past)
    before = filed_at(past)
    closed = past.post(
        "period.closed",
        period_from=YEAR[0],
        period_to=YEAR[1],
        known_at=past.head,
        definitions=[],
        digests=[],
    )
    wrong = lines_of_headcounts(past)[0].position
    voided = past.void(wrong)
    right = past.headcount("fair", 4, "total")
    past.project_all()
    found = of_filings(past.engine, before, None, known_at=past.head)
    void, count = found.facts
    assert (void.position, void.reason, void.late) == (voided, "wrong", (closed,))
    assert (count.position, count.late) == (right, (closed,))
    whole = {m.cell.by: m.by for m in void.moved if m.cell.figure == "participations"}
    assert whole[None] == 3 - 40
    assert_it_adds_up(found)


def lines_of_headcounts(past: History) -> Any:
    past.project_all()
    found = restated(past, 0, question("participations"))
    return [
        line
        for line in lines(past.conn, found.steps, past.head)
        if line.type == "headcount.recorded.v1"
    ]


def test_only_one_report_at_two_positions_can_be_compared(past: History) -> None:
    joint_programme(past)
    first = filed_at(past)
    other_period = filed_at(past, period_from=None)
    other_report = filed_at(past, "cumulative_headline")
    past.headcount("talk", 9, "unlisted")
    second = filed_at(past)
    for before, after, what in (
        (first, other_period, "period"),
        (first, other_report, "report"),
        (second, first, "order"),
    ):
        with pytest.raises(ReportsNotComparable, match=what):
            of_filings(past.engine, before, after, known_at=past.head)
    assert of_filings(past.engine, first, second, known_at=past.head).facts, "the control"


CLUSTERS = ("rail", "food", "wood")
FACTS = st.lists(
    st.tuples(
        st.sampled_from(["count", "came", "member", "void", "merge", "twins", "held", "enrolled"]),
        st.integers(0, 5),
    ),
    min_size=1,
    max_size=14,
)


def apply(past: History, what: str, number: int, recorded: list[int]) -> None:
    """One more fact of a random history; its position goes to `recorded`."""
    name, other, cluster = "abcdef"[number], "abcdef"[number - 1], CLUSTERS[number % 3]
    key = {"organisation_id": uid(name)}
    match what:
        case "count":
            past.headcount("fair" if number % 2 else "talk", 10 * number, "total")
        case "came":
            past.came("talk", [f"p{number}-{past.head}"], name if number < 3 else None)
        case "member":
            past.member(name, cluster, f"201{5 + number % 5}-05-01")
        case "held":
            past.activity(f"act{past.head}", cluster, on=f"201{6 + number % 4}-07-01")
        case "enrolled":
            past.enrolled("green", name, "2018-03-01")
        case "merge":
            past.post("organisation.merged", **key, into=uid(other), effective_on="2018-04-01")
        case "twins":
            past.post("organisation.marked_duplicate", **key, of=uid(other), reason="same")
        case "void" if recorded:
            past.void(recorded[number % len(recorded)])
    recorded.append(past.head)


@settings(
    max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(history=FACTS, evaluations=st.sampled_from([0, 2, 10_000]))
def test_moves_add_up_in_any_history(
    past: History, history: list[tuple[str, int]], evaluations: int
) -> None:
    """And with enough evaluations each one is the figure at its position minus one before."""
    if not past.head > 3:
        joint_programme(past)
        past.company("d", "e", "f")
    since, recorded = past.head, list[int]()
    for what, number in history:
        with suppress(Refused):
            apply(past, what, number, recorded)
    past.project_all()
    asked = Asked(
        period_from=YEAR[0],
        period_to=YEAR[1],
        known_at=past.head,
        parameters={},
        figures=CATALOGUE,
    )
    questions = questions_of(report_of("cumulative_headline"), asked)
    found = restated(past, since, *questions, evaluations=evaluations)
    assert_it_adds_up(found)
    if evaluations > 1000:
        assert found.runs == ()
        involved = moves(restated(past, since, question("companies_involved")))
        assert moves_one_by_one(past, since) == {
            position: by for position, cells in involved.items() for by in cells.values()
        }


def moves_one_by_one(past: History, since: int) -> dict[int, int]:
    """The plain way: the figure at every position."""
    values = [
        compute(
            past.engine,
            CATALOGUE["companies_involved"],
            period_from=YEAR[0],
            period_to=YEAR[1],
            known_at=position,
        ).value
        for position in range(since, past.head + 1)
    ]
    return {since + n: b - a for n, (a, b) in enumerate(pairwise(values), 1) if a != b}
