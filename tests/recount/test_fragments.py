"""The parts that a figure's SQL is read as, to find each of them once."""

from __future__ import annotations

import pytest

from projections.figures.catalogue import EVERY
from projections.recount.fragments import parts_of


@pytest.mark.parametrize("name", EVERY)
def test_a_statement_is_read_as_the_parts_it_is_made_of(name: str) -> None:
    definition = EVERY[name]
    assert parts_of(definition.sql) == (definition.needed, definition.text)


def test_a_statement_of_no_parts_is_read_whole() -> None:
    assert parts_of("SELECT 1") == ({}, "SELECT 1")
