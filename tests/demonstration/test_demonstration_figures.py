"""What the generator says it made is what its facts say."""

from datetime import date
from pathlib import Path

import pytest

from api.demonstration import CODES, Programme, programme
from api.demonstration.figures import Expected, Headline
from tests.demonstration.naive_counter import NaiveCounter

ROOT = Path(__file__).parents[2]
LATER = date(2026, 11, 22)


@pytest.fixture(scope="module")
def small() -> Programme:
    return programme(0.02, today=LATER)


@pytest.fixture(scope="module")
def counter(small: Programme) -> NaiveCounter:
    return NaiveCounter(small.facts(), small.expected().end)


@pytest.fixture(scope="module")
def whole() -> Expected:
    return programme(1.0, today=LATER).expected()


def test_the_whole_programme_has_exactly_the_published_headline(whole: Expected) -> None:
    expected = whole
    assert expected.companies == 8_500
    assert 8_000 <= expected.activities <= 8_010
    assert 464_000 <= expected.participations <= 464_100
    assert 1_100 <= expected.projects <= 1_105
    assert 400_000 <= expected.named < expected.participations
    assert 500_000 <= expected.facts <= 560_000


def test_the_documents_show_what_the_whole_programme_counts(whole: Expected) -> None:
    page = (ROOT / "docs" / "demonstration.md").read_text(encoding="utf-8")
    cells = [
        tuple(cell.strip().strip("`") for cell in line.strip("|").split("|"))
        for line in page.splitlines()
        if line.startswith("|")
    ]
    tables = {row[0]: row[1:] for row in cells}

    def shown(one: Headline | Expected) -> tuple[str, ...]:
        numbers = (one.companies, one.activities, one.participations, one.projects)
        return tuple(f"{number:,}" for number in numbers)

    assert tables["facts"] == (f"{whole.facts:,}",)
    assert tables[f"2006 to {whole.end}"] == shown(whole)
    years = {key: row for key, row in tables.items() if key.isdecimal()}
    assert len(years) >= 5
    assert years == {key: shown(whole.by_year[int(key)]) for key in years}
    clusters = {key: row for key, row in tables.items() if key in CODES}
    assert len(clusters) >= 3
    assert clusters == {key: shown(whole.by_cluster[key]) for key in clusters}
    members = {key: row for key, row in tables.items() if key.startswith("members?")}
    assert members == {
        f"members?as_of={day}": (f"{count:,}",) for day, count in whole.members_on.items()
    }
    end = whole.end
    assert tables[f"organisations_involved?to={end}"] == (f"{whole.organisations_involved:,}",)
    named = f"{whole.named:,} named of {whole.participations:,}"
    assert tables[f"coverage?to={end}"] == (named,)
    assert f"{whole.joint_activities:,} joint activities" in page


def test_a_hundredth_of_the_programme_has_a_hundredth_of_the_headline() -> None:
    expected = programme(0.01, today=LATER).expected()
    assert expected.companies == 85
    assert (expected.activities, expected.projects) == (80, 11)
    assert expected.participations == 4_640
    assert expected.named >= 4_000


def test_a_naive_count_of_the_facts_gives_the_expected_totals(
    small: Programme, counter: NaiveCounter
) -> None:
    expected = small.expected()
    totals = (
        expected.companies,
        expected.activities,
        expected.participations,
        expected.projects,
    )
    assert counter.headline() == totals
    assert len(counter.involved()) == expected.organisations_involved
    assert sum(len(people) for people in counter.named.values()) == expected.named


def test_a_naive_count_gives_the_expected_figures_of_every_year(
    small: Programme, counter: NaiveCounter
) -> None:
    expected = small.expected().by_year
    counted = {year: counter.headline(year=year) for year in expected}
    assert counted == {
        year: (one.companies, one.activities, one.participations, one.projects)
        for year, one in expected.items()
    }


def test_a_naive_count_gives_the_expected_figures_of_every_cluster(
    small: Programme, counter: NaiveCounter
) -> None:
    expected = small.expected().by_cluster
    assert list(expected) == list(CODES)
    counted = {code: counter.headline(cluster=code) for code in expected}
    assert counted == {
        code: (one.companies, one.activities, one.participations, one.projects)
        for code, one in expected.items()
    }


def test_a_naive_count_gives_the_expected_members_of_some_days(
    small: Programme, counter: NaiveCounter
) -> None:
    expected = small.expected().members_on
    assert {day: counter.members_on(date.fromisoformat(day)) for day in expected} == expected


@pytest.mark.parametrize("seed", [2, 3])
def test_other_seeds_agree_with_a_naive_count_too(seed: int) -> None:
    made = programme(0.01, seed=seed, today=LATER)
    expected = made.expected()
    counter = NaiveCounter(made.facts(), expected.end)
    for year, one in expected.by_year.items():
        figures = (one.companies, one.activities, one.participations, one.projects)
        assert counter.headline(year=year) == figures
    assert counter.headline()[0] == expected.companies == 85
    assert len(counter.duplicate_of) == expected.duplicates
    assert len(counter.merged) == expected.mergers


def test_a_programme_that_ends_earlier_has_the_same_totals() -> None:
    made = programme(0.01, today=date(2014, 5, 6))
    expected = made.expected()
    assert expected.end == date(2014, 5, 5)
    assert (expected.companies, expected.activities) == (85, 80)
    counter = NaiveCounter(made.facts(), expected.end)
    assert counter.headline()[0] == 85
