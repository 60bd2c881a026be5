"""Charts as SVG, and how each language writes numbers, days and instants."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from itertools import combinations
from math import dist
from typing import Any, Literal, get_args, get_origin

import pytest

from api.intake.words import bare, fields_of
from api.web.assets import asset
from api.web.charts import Bar, Flow, bar_chart, column_chart, flow_chart, scale_top
from api.web.language import day, moment, money, number, share
from api.web.network import NODE_RADIUS, PARTNERS_MOST, network
from api.web.tile_map import SHADES, beside, shade, tile_map, tiles
from api.web.words import CODES, FIELDS, TOPICS, shown, topic
from ledger.domain.facts import FACTS
from projections.regions import NUTS3


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


def test_a_region_is_shown_by_its_name() -> None:
    assert shown("nuts3", "DE212", "de") == "München, Kreisfreie Stadt (DE212)"
    assert shown("nuts3", "AT130", "de") == "AT130", "one of elsewhere by its code"


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


def test_a_chart_tells_its_first_last_highest_and_lowest_value() -> None:
    bars = (Bar("2022", 40), Bar("2023", 7), Bar("2024", None), Bar("2025", 1_200))
    drawing = column_chart(bars, chart_id="c", title="t", language="en")
    assert "From 40 (2022) to 1,200 (2025)." in drawing
    assert "Highest value: 1,200 (2025), lowest: 7 (2023)." in drawing
    assert "withheld so that nobody can be recognised" in drawing


def test_what_came_and_went_lies_on_both_sides_of_a_line() -> None:
    flows = (Flow("2024", 4, 2), Flow("2025", None, 0))
    drawing = flow_chart(flows, chart_id="c", title="t", language="en")
    bar, hanging, withheld = (
        re.findall(rf'class="{name}"[^>]* y="([^"]+)" height="([^"]+)"', drawing)
        for name in ("chart-bar", "chart-hanging", "chart-withheld")
    )
    assert [float(y) + float(height) for y, height in bar] == [float(hanging[0][0])]
    assert len(withheld) == 1
    assert "Upwards: From 4 (2024)" in drawing


def test_every_nuts_3_region_has_a_tile_of_its_own() -> None:
    assert {tile.code for tile in tiles()} == NUTS3.keys()
    assert len({(tile.column, tile.row) for tile in tiles()}) == len(NUTS3)


def test_a_map_shows_a_regions_value_its_name_and_what_is_withheld() -> None:
    values = {"DE212": 12, "DE21H": None, "unknown": 5}
    drawing = tile_map(values, chart_id="m", title="t", language="de")
    assert "<title>München, Kreisfreie Stadt: 12</title>" in drawing
    assert "<title>München, Landkreis: nicht angegeben</title>" in drawing
    assert drawing.count('<rect class="chart-withheld"') == 1
    told = beside(values, {"unknown": "unbekannt"}, "de")
    assert "Ohne Kachel: unbekannt 5." in told, "a value without a tile is not lost"


def test_a_shade_is_darker_where_there_is_more() -> None:
    shades = [shade(value, 25) for value in (0, 1, 25, 26, 100)]
    assert shades == [0, 1, 1, 2, SHADES]


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


def codes_of(kind: Any) -> set[str]:
    """The codes of every vocabulary within a type."""
    plain = bare(kind)
    if get_origin(plain) is Literal:
        return set(map(str, get_args(plain)))
    inner = [one for one in get_args(plain) if one not in {type(None), Ellipsis}]
    return set().union(*map(codes_of, inner))


def test_every_code_of_every_vocabulary_has_words_and_shows_in_them() -> None:
    found = 0
    for fact in FACTS.values():
        for name, kind in fields_of(fact).items():
            for code in codes_of(kind):
                found += 1
                assert CODES[code].de, code
                assert CODES[code].en, code
                assert shown(name, code, "de") == CODES[code].de, f"{name}: {code}"
    assert found > 40


def test_a_fraction_is_written_as_the_language_does() -> None:
    assert number(0.0, "de") == "0"
    assert number(1.25, "de") == "1,25"
