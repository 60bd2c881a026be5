"""The definitions themselves: complete, versioned, documented, and never changed in silence."""

from __future__ import annotations

import re
from pathlib import Path

import orjson
import pytest

from projections.figures.catalogue import CATALOGUE, EVERY, HEADLINE, composed, definition_of
from projections.figures.docs import rendered
from projections.figures.refusals import UnknownFigure, UnknownVersion

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).with_name("definitions.json")
FOLDER = ROOT / "projections" / "figures" / "definitions"
PARAMETERS = {"known_at", "bucket", "first_day", "last_day", "view", "cluster", "dimension", "of"}


def test_a_changed_text_needs_a_new_version() -> None:
    """Changed without a new version, or new and not in definitions.json yet."""
    golden = orjson.loads(GOLDEN.read_bytes())
    assert {name: definition.sha256 for name, definition in EVERY.items()} == golden


def test_the_page_of_figures_is_what_the_catalogue_says() -> None:
    assert (ROOT / "docs" / "figures.md").read_text(encoding="utf-8") == rendered()


def test_the_headline_is_in_the_catalogue() -> None:
    assert set(HEADLINE) <= set(CATALOGUE)


@pytest.mark.parametrize("name", EVERY)
def test_a_definition_speaks_both_languages(name: str) -> None:
    definition = EVERY[name]
    texts = (definition.unit, definition.title, definition.meaning, definition.counting_rule)
    assert all(text.de.strip() and text.en.strip() for text in texts)


@pytest.mark.parametrize("name", EVERY)
def test_a_definition_takes_only_the_parameters_there_are(name: str) -> None:
    assert set(re.findall(r"%\((\w+)\)s", EVERY[name].sql)) <= PARAMETERS


@pytest.mark.parametrize("name", EVERY)
def test_the_digest_covers_exactly_the_fragments_a_definition_needs(name: str) -> None:
    fragments = set(
        re.findall(r"^(\w+) AS (?:NOT )?MATERIALIZED \($", EVERY[name].sql, re.MULTILINE)
    )
    used = {
        fragment
        for fragment in (path.stem for path in (FOLDER / "_shared").glob("*.sql"))
        if re.search(rf"(FROM|JOIN) {fragment}\b", EVERY[name].sql)
    }
    assert fragments == used


def test_a_fragment_comes_before_those_that_need_it() -> None:
    sql = composed("-- Needs: resolved\nSELECT 1\n")
    assert sql.index("stands_for AS") < sql.index("chain AS") < sql.index("resolved AS")


def test_an_unknown_figure_names_those_there_are() -> None:
    with pytest.raises(UnknownFigure) as refused:
        definition_of("turnover")
    assert refused.value.code == "unknown_figure"
    assert set(refused.value.allowed) == set(CATALOGUE)


def test_an_unknown_version_names_those_there_are() -> None:
    with pytest.raises(UnknownVersion) as refused:
        definition_of("activities@7")
    assert (refused.value.code, refused.value.allowed) == ("unknown_version", ("1", "2"))


def test_a_figure_is_had_by_id_and_by_version() -> None:
    assert definition_of("activities") is definition_of("activities@2")
    assert definition_of("activities@1").version == 1
    assert definition_of("activities").replaces == "activities@1"
