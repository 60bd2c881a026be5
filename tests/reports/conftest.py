from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.figures.history import History, history


@pytest.fixture
def past(database_url: str) -> Iterator[History]:
    """An empty ledger with the clusters rail, food and wood since 2006."""
    with history(database_url) as empty:
        empty.cluster("rail", "food", "wood")
        yield empty
