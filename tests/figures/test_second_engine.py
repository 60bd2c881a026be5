"""Every definition's SQL is one text for two engines: PostgreSQL runs it, DuckDB too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

import duckdb
import pytest

from projections.figures.asking import clusters, first_day
from projections.figures.catalogue import EVERY
from projections.models import MODELS
from projections.recount.fragments import statement

ASKED: dict[str, Any] = {
    "known_at": 1,
    "bucket": [2019, 2020],
    "first_day": [date.min, date(2020, 1, 1)],
    "last_day": [date(2019, 12, 31), date(2020, 12, 31)],
    "view": "programme",
    "cluster": "",
    "dimension": "",
    "of": "",
    "kind": 0,
    "key": "",
    "first_key": UUID(int=0),
    "second_key": "",
    "streams": 10,
}
TEXTS = {
    **{name: definition.sql for name, definition in EVERY.items()},
    **{f"{name} facts": definition.facts_sql for name, definition in EVERY.items()},
}


class Duck:
    """An engine without facts."""

    origin = "test.example/2026"

    def __init__(self, conn: duckdb.DuckDBPyConnection) -> None:
        self.conn = conn

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        asked = statement(sql)
        return self.conn.execute(asked.text, asked.of(parameters)).fetchall()


@pytest.fixture(scope="module")
def empty() -> duckdb.DuckDBPyConnection:
    """The read models' tables, without a row."""
    conn = duckdb.connect()
    conn.execute("CREATE SCHEMA models")
    for model in MODELS.values():
        for table in model.tables:
            columns = re.findall(r"^    ([a-z0-9_]+) +(\w+(?:\[\])?)", table.ddl, re.MULTILINE)
            shape = ", ".join(f"{name} {type_}" for name, type_ in columns if name != "CHECK")
            conn.execute(f"CREATE TABLE models.{table.name} ({shape})")
    return conn


@pytest.mark.parametrize("name", TEXTS)
def test_a_text_runs_in_duckdb_as_well(empty: duckdb.DuckDBPyConnection, name: str) -> None:
    assert Duck(empty).rows(TEXTS[name], ASKED) == []


def test_what_else_is_asked_runs_in_duckdb_as_well(empty: duckdb.DuckDBPyConnection) -> None:
    assert clusters(Duck(empty), known_at=1) == []
    assert first_day(Duck(empty), known_at=1) is None
