"""Reports: made of the figures, filed, and made again to the byte."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import orjson
import pytest

from projections.figures.catalogue import CATALOGUE
from projections.figures.compute import compute
from projections.figures.refusals import PeriodReversed, UnknownCluster
from projections.reports.catalogue import EVERY, REPORTS, report_of, tables_of
from projections.reports.compute import compute_report
from projections.reports.model import Report, Table
from projections.reports.refusals import (
    UnknownReport,
    UnknownReportParameter,
    UnknownReportVersion,
)
from tests.figures.history import History
from tests.reports.programme import joint_programme

GOLDEN = Path(__file__).with_name("definitions.json")
YEAR = (date(2018, 1, 1), date(2018, 12, 31))


def made(past: History, report: str, *, known_at: int | None = None, **parameters: str) -> Report:
    past.project_all()
    return compute_report(
        past.engine,
        report_of(report),
        period_from=YEAR[0],
        period_to=YEAR[1],
        known_at=past.head if known_at is None else known_at,
        parameters=parameters,
    )


def table(report: Report, id: str) -> Table:
    (found,) = (table for table in report.tables if table.id == id)
    return found


def test_a_changed_report_needs_a_new_version() -> None:
    """Changed without a new version, or new and not in definitions.json yet."""
    golden = orjson.loads(GOLDEN.read_bytes())
    assert {name: report.sha256 for name, report in EVERY.items()} == golden


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_has_the_same_bytes_whenever_it_is_made(past: History, name: str) -> None:
    joint_programme(past)
    first = made(past, name)
    known_at = past.head
    past.member("b", "food", "2018-03-01")
    past.void(past.member("b", "wood", "2018-03-01"))
    assert made(past, name, known_at=known_at).canonical() == first.canonical()
    assert made(past, name).canonical() != first.canonical(), "the control: later it differs"


def test_a_cell_is_what_the_figure_says(past: History) -> None:
    joint_programme(past)
    report = made(past, "cumulative_headline")
    whole = table(report, "period")
    for column, cell in zip(whole.columns, whole.rows[0], strict=True):
        figure = compute(
            past.engine,
            CATALOGUE[column.id],
            period_from=YEAR[0],
            period_to=YEAR[1],
            known_at=past.head,
        )
        assert cell == figure.value
        assert column.definition == figure.definition
        assert figure.sha256 in {used.sha256 for used in report.definitions}


def test_rows_and_the_joint_adjustment_add_up_to_the_total(past: History) -> None:
    joint_programme(past)
    clusters = table(made(past, "cluster_table"), "participating")
    assert clusters.total is not None
    assert clusters.adjustment is not None
    for column in range(1, len(clusters.columns)):
        cells: list[Any] = [row[column] for row in clusters.rows]
        assert sum(cells) + clusters.adjustment[column] == clusters.total[column]  # type: ignore[operator]  # counts
    activities = [column.id for column in clusters.columns].index("activities")
    assert clusters.adjustment[activities] == -1, "one activity is joint"


def test_the_clusters_show_their_members_and_the_pairs_add_up(past: History) -> None:
    """`a` is a member of two clusters: one member, two pairs."""
    joint_programme(past)
    past.member("a", "food", "2018-02-01")
    clusters = table(made(past, "cluster_table"), "participating")
    ids = [column.id for column in clusters.columns]
    assert clusters.total is not None
    assert clusters.adjustment is not None
    members, pairs = ids.index("members"), ids.index("membership_pairs")
    assert (clusters.total[members], clusters.adjustment[members]) == (3, -1)
    assert (clusters.total[pairs], clusters.adjustment[pairs]) == (4, 0)


def test_what_a_report_takes_over_stays_the_version_it_was_made_with() -> None:
    """`complete@1` knew the first table of clusters; a newer one does not change it."""
    taken = {one.id: one for one in tables_of(report_of("complete@1"))}
    for older in report_of("cluster_table@1").tables:
        assert taken[f"cluster_table.{older.id}"].columns == older.columns
    assert (
        report_of("cluster_table").tables[0].columns
        != report_of("cluster_table@1").tables[0].columns
    )


def test_a_report_of_one_cluster_counts_that_cluster_only(past: History) -> None:
    joint_programme(past)
    whole = table(made(past, "cumulative_headline"), "period")
    rail = table(made(past, "cumulative_headline", cluster="rail"), "period")
    activities = [column.id for column in whole.columns].index("activities")
    assert (whole.rows[0][activities], rail.rows[0][activities]) == (2, 2)
    wood = table(made(past, "cumulative_headline", cluster="wood"), "period")
    assert wood.rows[0][activities] == 0


def test_the_complete_report_holds_every_table_of_the_others(past: History) -> None:
    joint_programme(past)
    complete = {table.id for table in made(past, "complete").tables}
    for name in REPORTS.keys() - {"complete", "overview"}:  # the first page is a choice of them
        for one in made(past, name).tables:
            assert f"{name}.{one.id}" in complete


def test_bad_questions_are_refused_by_name(past: History) -> None:
    joint_programme(past)
    with pytest.raises(UnknownReport) as unknown:
        report_of("nothing")
    assert "cumulative_headline" in unknown.value.allowed
    with pytest.raises(UnknownReportVersion) as version:
        report_of("complete@99")
    assert version.value.allowed == ("1", "2", "3")
    with pytest.raises(UnknownReportParameter):
        made(past, "complete", cluster="rail")
    with pytest.raises(UnknownCluster):
        made(past, "cumulative_headline", cluster="nowhere")
    with pytest.raises(PeriodReversed):
        compute_report(
            past.engine,
            report_of("complete"),
            period_from=YEAR[1],
            period_to=YEAR[0],
            known_at=past.head,
            parameters={},
        )
