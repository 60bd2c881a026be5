"""The first page as text: what it says, in both languages, and what it never does."""

from __future__ import annotations

import gzip
import re
from datetime import UTC, date, datetime
from html.parser import HTMLParser

import msgspec
import pytest

from api.web.charts import Bar, bar_chart, column_chart, scale_top
from api.web.overview import ClusterCell, Overview, Text
from api.web.pages import STATIC_DIR, STATIC_URL, asset, render_docs, render_overview
from api.web.texts import ENGLISH, GERMAN, Language, day, moment, number

LANGUAGES: tuple[Language, ...] = ("de", "en")


class Elements(HTMLParser):
    """Every start tag with its attributes, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def values(self, attribute: str) -> list[str]:
        return [value for _, attrs in self.found if (value := attrs.get(attribute))]


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_german_page_states_position_local_time_and_lag(full: Overview) -> None:
    page = render_overview(full, "de")
    assert '<html lang="de">' in page
    assert "Stand: Position 1.234.567, 1. Juli 2026, 14:30 Uhr (MESZ)" in page
    assert "1.200 Fakten hinter dem Buch zurück, das bis Position 1.235.767 reicht" in page


def test_english_page_states_position_local_time_and_lag(full: Overview) -> None:
    page = render_overview(full, "en")
    assert '<html lang="en">' in page
    assert "As of: position 1,234,567, 1 July 2026, 14:30 (CEST)" in page
    assert "1,200 facts behind the book, which reaches position 1,235,767" in page


def test_every_figure_shows_value_sentence_and_a_link_to_its_definition(full: Overview) -> None:
    page = render_overview(full, "de")
    links = Elements(page).values("href")
    for figure in full.headline:
        assert number(figure.value, GERMAN) in page
        assert figure.sentence.de in text_of(page)
        assert f"Definition {figure.definition}" in page
        assert f"/v1/figures/{figure.id}" in links


def test_names_are_shown_as_text_never_as_markup(full: Overview) -> None:
    attack = '<script>alert("1")</script>&"\''
    figure = full.headline[0]
    cell = ClusterCell(code="x", name=Text(de=attack, en=attack), value=9)
    hostile = msgspec.structs.replace(
        full,
        origin=attack,
        headline=(
            msgspec.structs.replace(
                figure, title=Text(de=attack, en=attack), by_cluster=(cell, *figure.by_cluster)
            ),
        ),
    )
    page = render_overview(hostile, "de")
    assert "<script" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_withheld_values_show_their_sign_and_why_and_never_zero(
    full: Overview, language: Language
) -> None:
    page = render_overview(full, language)
    withheld = {"de": "nicht angegeben", "en": "withheld"}[language]
    assert f'<abbr title="{withheld}">•</abbr>' in page
    assert f"2007: {withheld}" in page
    assert "2007: 0" not in page
    assert "2006: 0" in page, "a true zero is shown"


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_empty_ledger_says_how_to_begin(empty: Overview, language: Language) -> None:
    page = render_overview(empty, language)
    assert "clusterledger demo" in page
    assert "/v1/facts" in page
    assert "cluster.registered.v1" in page
    assert "<svg" not in page


def test_a_ledger_without_a_full_year_shows_its_position_and_no_figures(
    first_year: Overview,
) -> None:
    page = render_overview(first_year, "de")
    assert "Stand: Position 17, 15. Januar 2026, 09:00 Uhr (MEZ)" in page
    assert "Noch kein volles Jahr" in page
    assert "<svg" not in page


def test_the_cluster_table_leads_from_its_cells_to_the_total(full: Overview) -> None:
    page = render_overview(full, "en")
    figure = full.headline[0]
    assert figure.joint_adjustment < 0
    assert number(figure.joint_adjustment, ENGLISH) in page
    assert "Adjustment for what is counted jointly" in page


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_obeys_the_content_security_policy(full: Overview, language: Language) -> None:
    elements = Elements(render_overview(full, language)).found
    assert not [tag for tag, _ in elements if tag in ("style", "script", "iframe")]
    assert not [
        name for _, attrs in elements for name in attrs if name == "style" or name.startswith("on")
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_ids_are_unique_and_references_resolve(full: Overview, language: Language) -> None:
    elements = Elements(render_overview(full, language))
    ids = elements.values("id")
    assert len(ids) == len(set(ids))
    named = {
        one
        for attribute in ("aria-labelledby", "aria-describedby")
        for value in elements.values(attribute)
        for one in value.split()
    } | {link[1:] for link in elements.values("href") if link.startswith("#")}
    assert named <= set(ids)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_chart_has_its_table_with_caption_and_scopes(
    full: Overview, language: Language
) -> None:
    page = render_overview(full, language)
    assert page.count("<svg") == page.count("<table") == page.count("<caption") == 8
    cells = [attrs for tag, attrs in Elements(page).found if tag == "th"]
    assert {attrs.get("scope") for attrs in cells} == {"col", "row"}


def test_the_same_overview_renders_to_the_same_bytes(full: Overview) -> None:
    assert render_overview(full, "de") == render_overview(full, "de")


def test_a_page_with_its_styles_and_fonts_is_below_200_kb(full: Overview) -> None:
    page = render_overview(full, "de")
    size = len(gzip.compress(page.encode()))
    for name in ("kern/kern.min.css", "site.css", "icon.svg"):
        size += len(gzip.compress((STATIC_DIR / name).read_bytes()))
    for name in ("fira-sans-latin-400", "fira-sans-latin-600"):
        size += (STATIC_DIR / "fira-sans" / f"{name}.woff2").stat().st_size
    assert size < 200_000


@pytest.mark.parametrize("page", [render_docs("de"), render_docs("en")])
def test_the_documentation_page_loads_local_files_only(page: str) -> None:
    sources = Elements(page).values("src")
    assert len(sources) == 2
    assert all(source.startswith(f"{STATIC_URL}/") for source in sources)
    assert 'data-openapi-url="/openapi.json"' in page


def test_a_missing_static_file_fails_at_once() -> None:
    with pytest.raises(FileNotFoundError):
        asset("nothing.css")


def test_numbers_are_written_as_the_language_does() -> None:
    assert number(1_234_567, GERMAN) == "1.234.567"
    assert number(-1_234_567, ENGLISH) == "−1,234,567"
    assert number(0, GERMAN) == "0"


def test_days_and_moments_are_written_as_the_language_does() -> None:
    assert day(date(2026, 3, 1), GERMAN) == "1. März 2026"
    winter = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)
    assert moment(winter, GERMAN) == "1. Januar 2026, 00:30 Uhr (MEZ)"
    assert moment(winter, ENGLISH) == "1 January 2026, 00:30 (CET)"


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        moment(datetime(2026, 1, 1), GERMAN)  # noqa: DTZ001 - that is what is refused


def test_a_chart_of_nothing_is_still_a_chart() -> None:
    for draw in (column_chart, bar_chart):
        drawing = draw((), chart_id="c", title="t", description="d", texts=GERMAN)
        assert drawing.startswith("<svg")


def test_a_chart_of_withheld_values_draws_no_bar() -> None:
    bars = (Bar("2024", None), Bar("2025", None))
    drawing = column_chart(bars, chart_id="c", title="t", description="d", texts=GERMAN)
    assert "chart-bar" not in drawing
    assert drawing.count("chart-withheld") == 2


@pytest.mark.parametrize("largest", [0, 1, 7, 99, 100, 8500, 464_120, 10**12])
def test_the_scale_covers_the_largest_value_without_an_empty_half(largest: int) -> None:
    top = scale_top([Bar("a", largest)])
    assert largest <= top <= max(2 * largest, 1)
