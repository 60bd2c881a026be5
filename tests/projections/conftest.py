"""A book that can be written past its rules, and the read models over it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import psycopg
import pytest

from projections import schema
from projections.models import memberships
from projections.runner import Projector
from tests.projections.book_writer import BookWriter

Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture
def book(database_url: str) -> BookWriter:
    """An empty ledger with empty read models."""
    writer = BookWriter(database_url)
    schema.ensure(database_url)
    return writer


@pytest.fixture
def overlapping(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model with a defect: spells run on where the next one has begun."""
    phases = memberships._phases
    monkeypatch.setattr(
        memberships, "_phases", lambda key, spell, _: phases(key, spell, memberships.FOREVER)
    )


@pytest.fixture
def projector(book: BookWriter) -> Iterator[Projector]:
    """Advances the live read models."""
    with Projector(book.url) as live:
        yield live


@pytest.fixture
def ask(book: BookWriter) -> Iterator[Ask]:
    """Rows of a query, as the owner; open ends read as they print."""
    with psycopg.connect(book.url, autocommit=True) as conn:

        def rows(query: str, *parameters: object) -> list[tuple[Any, ...]]:
            return conn.execute(query, parameters).fetchall()

        yield rows


@pytest.fixture
def project(projector: Projector) -> Callable[[], None]:
    """Takes the read models to the head."""

    def to_the_head() -> None:
        while projector.advance():
            pass

    return to_the_head
