from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from projections.figures.engines import PostgresEngine
from tests.figures.history import History, history


@pytest.fixture
def past(database_url: str) -> Iterator[History]:
    """An empty ledger with the clusters rail, food and wood since 2006."""
    with history(database_url) as empty:
        empty.cluster("rail", "food", "wood")
        yield empty


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Any]]:
    """The parameters of each statement that PostgreSQL answers, on whichever connection."""
    found: list[Mapping[str, Any]] = []
    answered = PostgresEngine.rows

    def rows(engine: PostgresEngine, sql: str, parameters: Mapping[str, Any]) -> Any:
        found.append(parameters)
        return answered(engine, sql, parameters)

    monkeypatch.setattr(PostgresEngine, "rows", rows)
    return found
