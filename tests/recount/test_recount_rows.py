"""The plain reducer and the read models: one book, the same rows, by code that shares nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
import pytest

from ledger.store.book import Book
from projections import schema
from projections.models import MODELS
from projections.recount.engine import from_leaves
from projections.recount.reading import Unreadable
from projections.recount.tables import TABLES, columns
from projections.runner import Projector
from tests.projections.book_writer import ORIGIN, BookWriter, tamper
from tests.projections.histories import History
from tests.recount.tables import differences


@pytest.fixture
def book(database_url: str) -> BookWriter:
    writer = BookWriter(database_url)
    schema.ensure(database_url)
    return writer


@pytest.fixture
def leaves(book: BookWriter) -> Iterator[list[bytes]]:
    """Every leaf of a random history."""
    History(7).facts(book, 200)
    reading = Book(book.url)
    yield reading.leaves(0, 10_000)
    reading.close()


def _project(url: str) -> None:
    with Projector(url) as live:
        while live.advance():
            pass


@pytest.mark.parametrize("seed", range(12))
def test_the_recount_has_the_same_rows_as_the_read_models(book: BookWriter, seed: int) -> None:
    History(seed).facts(book, 300)
    _project(book.url)
    reading = Book(book.url)
    with (
        psycopg.connect(book.url) as conn,
        from_leaves(reading.leaves(0, 10_000), origin=ORIGIN) as engine,
    ):
        assert engine.position == book.head
        assert differences(conn, engine) == {}
    reading.close()


def test_the_tables_have_the_read_models_names_and_columns() -> None:
    models = {table.name: table.columns for model in MODELS.values() for table in model.tables}
    assert {name: tuple(columns(name)) for name in TABLES} == models


def test_control_a_read_model_that_was_tampered_with_is_told_apart(
    book: BookWriter, leaves: list[bytes]
) -> None:
    _project(book.url)
    tamper(book.url, "UPDATE models.activity SET total = 8 WHERE total = 7")
    with psycopg.connect(book.url) as conn, from_leaves(leaves, origin=ORIGIN) as engine:
        assert set(differences(conn, engine)) == {"activity"}


def test_leaves_from_a_file_and_leaves_from_the_book_are_recounted_alike(
    book: BookWriter, leaves: list[bytes], tmp_path: Path
) -> None:
    file = tmp_path / "facts.ndjson"
    file.write_bytes(b"\n".join(leaves) + b"\n")
    asked = "SELECT * FROM models.project ORDER BY project_id, valid_from, known_from"
    with from_leaves(file, origin=ORIGIN) as one, from_leaves(leaves, origin=ORIGIN) as other:
        assert one.rows(asked, {}) == other.rows(asked, {})


def test_no_leaves_make_empty_tables() -> None:
    with from_leaves([], origin=ORIGIN) as engine:
        assert engine.position == 0
        assert engine.rows("SELECT count(*) FROM models.attendance", {}) == [(0,)]


def test_a_missing_leaf_is_no_file_to_recount(leaves: list[bytes]) -> None:
    with (
        pytest.raises(Unreadable, match="lines"),
        from_leaves(leaves[:9] + leaves[10:], origin=ORIGIN),
    ):
        pass


def test_leaves_of_another_ledger_are_not_recounted_under_this_ones_name(
    leaves: list[bytes],
) -> None:
    with (
        pytest.raises(Unreadable, match="not of the ledger other"),
        from_leaves(leaves, origin="other.example/2026"),
    ):
        pass


def test_a_type_nobody_thought_of_stops_a_recount(leaves: list[bytes]) -> None:
    strange = orjson.loads(leaves[-1]) | {"type": "organisation.rebranded.v1"}
    with (
        pytest.raises(Unreadable, match=r"organisation\.rebranded\.v1"),
        from_leaves([*leaves[:-1], orjson.dumps(strange)], origin=ORIGIN),
    ):
        pass


def test_what_is_no_json_is_refused_in_a_sentence(leaves: list[bytes]) -> None:
    with (
        pytest.raises(Unreadable, match="cannot be recounted"),
        from_leaves([*leaves, b"{not json"], origin=ORIGIN),
    ):
        pass
