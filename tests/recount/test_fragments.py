"""The parts that a figure's SQL is read as, to find each of them once."""

from __future__ import annotations

import pytest

from projections.figures.catalogue import EVERY, needs
from projections.recount.fragments import parts_of, statement


@pytest.mark.parametrize("name", EVERY)
def test_a_statement_is_read_as_the_parts_it_is_made_of(name: str) -> None:
    definition = EVERY[name]
    assert parts_of(definition.sql) == (definition.needed, definition.text)


def test_a_statement_of_no_parts_is_read_whole() -> None:
    assert parts_of("SELECT 1") == ({}, "SELECT 1")


@pytest.mark.parametrize("name", EVERY)
def test_a_part_asks_of_all_others_those_that_its_first_line_names(name: str) -> None:
    definition = EVERY[name]
    parts = definition.needed
    for own, text in {**parts, "": definition.text}.items():
        assert (statement(text).tables & parts.keys()) - {own} == set(needs(text))


def test_of_a_statement_only_its_parameters_are_written_in_another_way() -> None:
    asked = statement("SELECT %(of)s FROM held JOIN models.activity ON day <= %(last_day)s -- 5 %")

    assert asked.text == "SELECT $of FROM held JOIN models.activity ON day <= $last_day -- 5 %"
    assert asked.tables == {"held"}
    assert asked.of({"of": "", "last_day": 1, "view": 2}) == {"of": "", "last_day": 1}
