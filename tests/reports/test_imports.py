"""No report is filed over an open import, unless whoever files accepts it."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from projections.reports.catalogue import report_of
from projections.reports.compute import Asked
from projections.reports.filing import to_be_filed
from projections.reports.imports import open_imports
from projections.reports.model import ACCEPTED, OPEN_IMPORTS, Report
from projections.reports.refusals import ImportOpen, UnknownReportParameter
from tests.figures.history import History, uid

YEAR = {"period_from": date(2018, 1, 1), "period_to": date(2018, 12, 31)}


def asked(past: History, **given: Any) -> Asked:
    past.project_all()
    return Asked(**YEAR | {"known_at": past.head, "parameters": {}} | given)


def still_open(past: History, **given: Any) -> list[tuple[str, int, int]]:
    found = open_imports(past.conn, report_of("cumulative_headline"), asked(past, **given))
    return [(one.title, one.arrived, one.announced) for one in found]


def file(past: History, report: str = "complete", **given: Any) -> Report:
    return to_be_filed(past.engine, report_of(report), asked(past, **given))


@pytest.fixture
def announced(past: History) -> History:
    """A fair of rail and food whose list has three rows; two of them have come."""
    past.activity("fair", "rail", "food", on="2018-06-01")
    past.came("fair", ["ann", "ben"])
    past.listed("fair", complete=True, rows=3)
    return past


def test_a_list_is_open_until_as_many_persons_came_as_it_has_rows(announced: History) -> None:
    with pytest.raises(ImportOpen) as refused:
        file(announced)
    assert refused.value.code == "import_open"
    assert f"2/3 fair, 2018-06-01, {uid('fair')}" in str(refused.value)
    assert "open_imports=accepted" in refused.value.fix
    announced.came("fair", ["cem"])
    assert still_open(announced) == []
    assert file(announced).known_at == announced.head


def test_a_row_that_was_voided_since_has_come(announced: History) -> None:
    announced.void(announced.came("fair", ["cem"]))
    announced.void(announced.came("fair", ["cem"]))
    assert still_open(announced) == []


def test_who_only_registered_has_not_come(announced: History) -> None:
    announced.post("attendance.registered", activity_id=uid("fair"), person_ref=uid("cem"))
    assert still_open(announced) == [("fair", 2, 3)]


def test_of_several_lists_the_longest_that_stands_counts(announced: History) -> None:
    longer = announced.listed("fair", complete=True, rows=5)
    announced.listed("fair", complete=False, rows=2)
    assert still_open(announced) == [("fair", 2, 5)]
    announced.void(longer)
    assert still_open(announced) == [("fair", 2, 3)]
    assert still_open(announced, known_at=longer) == [("fair", 2, 5)]


def test_only_activities_that_the_report_counts_hold_it_up(announced: History) -> None:
    assert still_open(announced, period_from=date(2018, 6, 2)) == []
    assert still_open(announced, parameters={"cluster": "wood"}) == []
    assert still_open(announced, parameters={"cluster": "food"}) == [("fair", 2, 3)]
    assert still_open(announced, known_at=announced.head - 1) == []
    assert file(announced, "retention_by_cohort")
    assert file(announced, "late_voided_backdated")


def test_who_accepts_an_open_import_is_on_record_and_moves_no_number(announced: History) -> None:
    accepted = file(announced, parameters={OPEN_IMPORTS: ACCEPTED})
    assert accepted.parameters == {OPEN_IMPORTS: ACCEPTED}
    announced.came("fair", ["cem"])
    same = file(announced, known_at=accepted.known_at, parameters={OPEN_IMPORTS: ACCEPTED})
    assert same.digest == accepted.digest
    whole = file(announced)
    assert whole.tables != accepted.tables, "the control"
    announced.void(announced.head)
    again = file(announced)
    assert [t for t in again.tables if not t.id.startswith("late_")] == [
        t for t in accepted.tables if not t.id.startswith("late_")
    ]


def test_open_imports_are_accepted_by_that_word_alone(announced: History) -> None:
    with pytest.raises(UnknownReportParameter) as refused:
        file(announced, parameters={OPEN_IMPORTS: "yes"})
    assert f"{OPEN_IMPORTS}={ACCEPTED}" in refused.value.allowed
