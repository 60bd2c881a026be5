"""Charts as SVG, and how each language writes numbers, days and instants."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from itertools import combinations
from math import dist

import pytest

from api.web.assets import asset
from api.web.charts import Bar, bar_chart, column_chart, scale_top
from api.web.language import day, moment, money, number, share
from api.web.network import NODE_RADIUS, PARTNERS_MOST, network
from api.web.words import CODES, FIELDS, TOPICS, shown, topic
from ledger.domain.facts import FACTS


def test_a_missing_static_file_fails_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        asset("nothing.css")


def test_numbers_are_written_as_the_language_does() -> None:
    assert number(1_234_567, "de") == "1.234.567"
    assert number(-1_234_567, "en") == "−1,234,567"
    assert number(0, "de") == "0"
    assert money(123_456, "de") == "1.234,56\N{NO-BREAK SPACE}€"
    assert money(-5, "en") == "−€0.05"


def test_a_share_of_nothing_is_none() -> None:
    assert share(0, 0, "de") == "–"
    assert share(1, 3, "en") == "33.3 %"


def test_days_and_moments_are_written_as_the_language_does() -> None:
    assert day(date(2026, 3, 1), "de") == "1. März 2026"
    winter = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert moment(winter, "de") == "1. Januar 2026, 00:30 Uhr (MEZ)"
    assert moment(winter, "en") == "1 January 2026, 00:30 (CET)"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        moment(datetime(2026, 1, 1), "de")  # noqa: DTZ001 - that is what is refused


def test_every_type_of_fact_has_words() -> None:
    assert {name.rpartition(".v")[0] for name in FACTS} == set(TOPICS)
    assert topic("membership.ended.v1", "de") == "Mitgliedschaft beendet"


def test_every_field_of_every_fact_has_words() -> None:
    named = {name for fact in FACTS.values() for name in fact.__struct_fields__}
    assert named <= set(FIELDS)


def test_values_show_by_what_they_are() -> None:
    assert shown("grant_cents", 150, "de") == "1,50\N{NO-BREAK SPACE}€"
    assert shown("kind", "company", "en") == CODES["company"].en
    assert shown("name", "company", "en") == "company", "a name is never a code"
    assert shown("cancelled", True, "de") == "ja"
    assert shown("organisers", ("a", "b"), "de") == "a, b"
    assert shown("nuts3", None, "de") == "–"


def test_a_chart_of_nothing_is_still_a_chart() -> None:
    for draw in (column_chart, bar_chart):
        assert draw((), chart_id="c", title="t", language="de").startswith("<svg")


def test_a_chart_of_withheld_values_draws_no_bar() -> None:
    bars = (Bar("2024", None), Bar("2025", None))
    drawing = column_chart(bars, chart_id="c", title="t", language="de")
    assert "chart-bar" not in drawing
    assert drawing.count("chart-withheld") == 2
    assert "nicht angegeben" in drawing


def test_names_in_a_chart_are_text() -> None:
    drawing = bar_chart((Bar("<script>", 1),), chart_id="c", title="&", language="de")
    assert "<script>" not in drawing


@pytest.mark.parametrize("count", [1, 2, 12, 13, 14, 40, PARTNERS_MOST])
@pytest.mark.parametrize("has_lead", [True, False])
def test_every_partner_has_a_node_of_its_own(count: int, has_lead: bool) -> None:
    drawing = network(count, has_lead=has_lead, chart_id="n", title="t", language="de")
    nodes = re.findall(r'<circle class="chart-node[^>]* cx="([^"]+)" cy="([^"]+)"', drawing)
    numbers = re.findall(r'<text class="chart-middle"[^>]*>(\d+)</text>', drawing)
    assert sorted(map(int, numbers)) == list(range(1, count + 1))
    low = float(re.search(r'viewBox="(\S+)', drawing)[1])  # type: ignore[index]  # it is there
    places = [(float(x), float(y)) for x, y in nodes]
    apart = min((dist(a, b) for a, b in combinations(places, 2)), default=99)
    assert apart >= 2 * NODE_RADIUS
    assert all(max(abs(x), abs(y)) + NODE_RADIUS <= -low for x, y in places)


def test_a_network_joins_the_lead_with_every_other() -> None:
    drawing = network(5, has_lead=True, chart_id="n", title="<t>", language="en")
    assert drawing.count("chart-edge") == 4
    assert "Partner 1 leads" in drawing
    assert "<t>" not in drawing


@pytest.mark.parametrize("largest", [0, 1, 7, 99, 100, 8500, 464_120, 10**12])
def test_the_scale_covers_the_largest_value_without_an_empty_half(largest: int) -> None:
    top = scale_top([Bar("a", largest)])
    assert largest <= top <= max(2 * largest, 1)
