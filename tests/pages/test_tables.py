"""A report's tables on a page: names, the lines below, the way to the facts behind a cell."""

from __future__ import annotations

from datetime import date

import pytest
from msgspec.structs import replace

from api.web.behind import Behind, Origin, behind
from api.web.drawings import charts_of
from api.web.tables import drawn_table
from projections.figures.catalogue import Text
from projections.reports.catalogue import ColumnOf, TableOf
from projections.reports.model import Column, Span, Table

TITLE = Text("T", "T")
PERIOD = Span(from_=date(2019, 3, 1), to=date(2020, 6, 30))
EVER = Span(from_=None, to=date(2020, 6, 30))


def origin(by: str | None, period: Span = PERIOD, **parameters: str) -> Origin:
    return Origin(TableOf(id="t", title=TITLE, by=by, view="lead"), period, 9, parameters)


def asked(found: Behind | None) -> str:
    assert found is not None
    return " ".join(f"{name}={text}" for name, text in found.parameters.items())


@pytest.mark.parametrize(
    ("by", "key", "expected"),
    [
        (None, None, "from=2019-03-01 to=2020-06-30 known_at=9"),
        ("year", "2019", "from=2019-03-01 to=2019-12-31 known_at=9"),
        ("year", None, "from=2019-03-01 to=2020-06-30 known_at=9"),
        ("quarter", "2020-Q2", "from=2020-04-01 to=2020-06-30 known_at=9"),
        ("cluster", "bio", "from=2019-03-01 to=2020-06-30 known_at=9 cluster=bio view=lead"),
    ],
)
def test_a_cell_leads_to_the_facts_of_its_own_days_and_cluster(
    by: str | None, key: str | None, expected: str
) -> None:
    found = behind(origin(by), ColumnOf(figure="activities"), "activities@2", key)
    assert asked(found) == expected
    assert found is not None
    assert found.path == "/figures/activities@2/facts"


def test_an_opening_balance_leads_to_the_day_before() -> None:
    opening = ColumnOf(figure="members", id="opening", when="before")
    assert asked(behind(origin("year"), opening, "members@1", "2020")) == (
        "to=2019-12-31 known_at=9"
    )
    assert behind(origin(None, EVER), opening, "members@1", None) is None


def test_what_the_report_and_its_column_ask_is_asked_of_the_facts_too() -> None:
    column = ColumnOf(figure="sme_share", part="numerator", asked={"of": "involved"})
    found = behind(origin(None, EVER, cluster="bio"), column, "sme_share@1", None)
    assert asked(found) == "to=2020-06-30 known_at=9 cluster=bio view=lead of=involved"


@pytest.mark.parametrize("by", ["nuts3", "nuts2", "kind", "size_class", "spatial", "mode"])
def test_a_cell_of_a_class_leads_to_the_facts_of_that_class(by: str) -> None:
    found = behind(origin(by), ColumnOf(figure="members"), "members@1", "x")
    assert asked(found) == f"from=2019-03-01 to=2020-06-30 known_at=9 by={by} key=x"


def test_the_total_of_classes_leads_to_the_facts_of_all() -> None:
    found = behind(origin("kind"), ColumnOf(figure="members"), "members@1", None)
    assert asked(found) == "from=2019-03-01 to=2020-06-30 known_at=9"


def of_clusters(*, withheld: bool = False) -> Table:
    return Table(
        id="t",
        title=TITLE,
        columns=(
            Column(id="cluster", title=TITLE, kind="key"),
            Column(id="activities", title=TITLE, kind="count", definition="activities@2"),
        ),
        rows=(("bio", None if withheld else 5), ("rail", 4)),
        total=(None, 7),
        adjustment=(None, -2),
    )


def test_rows_and_the_joint_adjustment_below_them_are_the_total() -> None:
    spec = TableOf(id="t", title=TITLE, by="cluster", columns=(ColumnOf(figure="activities"),))
    found = drawn_table(of_clusters(), "de", {"bio": "Bio"}, Origin(spec, EVER, 9, {}))
    lines = [[cell.text for cell in row] for row in (*found.rows, *found.foot)]
    assert lines == [
        ["Bio", "5"],
        ["rail", "4"],
        ["Bereinigung um Gemeinsames", "−2"],
        ["Insgesamt", "7"],
    ]
    assert found.foot[0][1].behind is None, "no fact makes a difference of two sums"
    assert asked(found.foot[1][1].behind) == "to=2020-06-30 known_at=9"


def test_a_withheld_cell_leads_nowhere() -> None:
    spec = TableOf(id="t", title=TITLE, by="cluster", columns=(ColumnOf(figure="activities"),))
    found = drawn_table(of_clusters(withheld=True), "de", {}, Origin(spec, EVER, 9, {}))
    assert found.rows[0][1].text == "•"
    assert found.rows[0][1].behind is None


def test_coverage_is_drawn_as_a_share_in_percent() -> None:
    columns = (
        ColumnOf(figure="participations"),
        ColumnOf(figure="coverage", part="numerator"),
    )
    table = Table(
        id="t",
        title=TITLE,
        columns=(
            Column(id="year", title=TITLE, kind="key"),
            Column(id="participations", title=TITLE, kind="count"),
            Column(id="coverage.numerator", title=TITLE, kind="count"),
        ),
        rows=(("2023", 0, 0), ("2024", 200, 50), ("2025", 3, None)),
    )
    spec = TableOf(id="t", title=TITLE, by="year", columns=columns)
    counted, share = charts_of(table, Origin(spec, EVER, 9, {}), "en", ("2023", "2024", "2025"))
    assert (counted.title, share.title) == ("T", "Coverage, in percent")
    assert "<title>2024: 25.0 %</title>" in share.svg
    assert "2023" not in share.svg, "of nothing there is no share"
    assert share.svg.count("chart-withheld") == 1


def test_how_a_stock_moved_is_one_drawing_beside_the_stock() -> None:
    names = ("joins", "rejoins", "leavers", "mergers_in_stock", "closing")
    table = Table(
        id="t",
        title=TITLE,
        columns=(
            Column(id="year", title=TITLE, kind="key"),
            *(Column(id=name, title=Text(name, name), kind="count") for name in names),
        ),
        rows=(("2024", 5, 1, 2, 1, 3), ("2025", 0, 0, 1, 0, 2)),
    )
    figures = ("joins", "rejoins", "leavers", "mergers_in_stock", "members")
    columns = tuple(ColumnOf(figure=figure) for figure in figures)
    spec = TableOf(id="t", title=TITLE, by="year", columns=columns)
    stock, moved = charts_of(table, Origin(spec, EVER, 9, {}), "en", ("2024", "2025"))
    assert (stock.title, moved.title) == ("closing", "How the stock moved")
    assert "<title>2024: +6</title>" in moved.svg
    assert "<title>2024: −3</title>" in moved.svg


@pytest.mark.parametrize(
    ("by", "keys"), [("year", ("2019", "2020")), ("nuts3", ("DE212", "DE21H"))]
)
def test_each_mark_of_a_drawing_leads_where_its_cell_of_the_table_does(
    by: str, keys: tuple[str, str]
) -> None:
    spec = TableOf(id="t", title=TITLE, by=by, columns=(ColumnOf(figure="activities"),))
    table = replace(of_clusters(), rows=((keys[0], None), (keys[1], 4)))
    found = drawn_table(table, "de", {}, Origin(spec, EVER, 9, {}))
    (spot,) = found.charts[0].spots
    assert spot.behind == found.rows[1][1].behind, "and a withheld one leads nowhere"
    assert spot.text.endswith(": 4")
    assert float(spot.box.x) >= 50 or by == "nuts3", "over the second column"
