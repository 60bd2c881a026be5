"""A restatement as a report: every form of output, and its moves add up there too."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from projections.figures.catalogue import CATALOGUE
from projections.reports.explaining import of_filings
from projections.reports.model import Report
from projections.reports.outputs import FORMATS, Format, render
from projections.reports.restated import as_report
from tests.figures.history import History
from tests.reports.programme import joint_programme
from tests.reports.test_restatement import filed_at


@pytest.fixture
def restated(past: History) -> Report:
    joint_programme(past)
    filed = filed_at(past, "cumulative_headline")
    wrong = past.headcount("talk", 70, "unlisted")
    past.void(wrong)
    past.headcount("talk", 9, "unlisted")
    past.project_all()
    found = of_filings(past.engine, filed, None, known_at=past.head)
    return as_report(found, origin=past.engine.origin, figures=CATALOGUE)


def rows(report: Report, id: str) -> list[dict[str, Any]]:
    (table,) = (table for table in report.tables if table.id == id)
    return [
        {column.id: cell for column, cell in zip(table.columns, row, strict=True)}
        for row in table.rows
    ]


def test_the_moves_of_its_facts_add_up_to_its_differences(restated: Report) -> None:
    place = ("figure", "by", "row", "part")
    moved: Counter[tuple[Any, ...]] = Counter()
    for table in ("versions", "moves", "runs"):
        for row in rows(restated, table):
            moved[tuple(row[name] for name in place)] += row["moved"]
    differences = rows(restated, "differences")
    assert differences, "the control"
    for row in differences:
        assert moved[tuple(row[name] for name in place)] == row["moved"]
        assert row["after"] - row["before"] == row["moved"]
    positions = [row["position"] for row in rows(restated, "facts")]
    assert {row["position"] for row in rows(restated, "moves")} == set(positions)


@pytest.mark.parametrize("form", FORMATS)
def test_it_is_drawn_in_every_form(restated: Report, form: Format) -> None:
    drawn = render(restated, form, "en")
    assert drawn == render(restated, form, "en")
    if form in {"json", "csv"}:
        assert b"headcount.recorded.v1" in drawn
