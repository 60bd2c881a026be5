"""The plain reducer and the read models: one book, the same rows, by code that shares nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import date
from itertools import product, repeat
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import duckdb
import orjson
import psycopg
import pytest

from ledger.domain.facts import (
    AttendanceRecorded,
    AttendanceRegistered,
    AttendanceWithdrawn,
    ClusterRegistered,
    Fact,
)
from ledger.store.book import Book
from projections import schema
from projections.figures.catalogue import CATALOGUE
from projections.figures.compute import compute
from projections.models import MODELS
from projections.recount import database, lines, reducing
from projections.recount.engine import from_leaves
from projections.recount.lines import Unreadable, stretches
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


def _short_attendances() -> Iterator[Fact]:
    """Every history of up to three facts, for three organisations each way."""
    came, signed, left = AttendanceRecorded, AttendanceRegistered, AttendanceWithdrawn
    said = [*(h for n in (1, 2, 3) for h in product((came, signed, left), repeat=n))]
    for history, named in product(said, product((None, UUID(int=1), UUID(int=2)), repeat=2)):
        who = {"activity_id": uuid4(), "person_ref": uuid4()}
        organisations = iter((*named, None))
        for fact in history:
            organisation = {} if fact is left else {"organisation_id": next(organisations)}
            yield fact(**who, **organisation)


def test_attendances_have_the_same_rows_whether_they_are_plain_or_not(book: BookWriter) -> None:
    """Plain are those that stand alone, and a registration before its record."""
    book.record(*_short_attendances())
    _project(book.url)
    with closing(Book(book.url)) as reading:
        told = reading.leaves(0, 10_000)
    with psycopg.connect(book.url) as conn, from_leaves(told, origin=ORIGIN) as engine:
        assert engine.position == book.head
        assert engine.rows("SELECT count(*) FROM pair", {}) == [(9,)]
        assert engine.rows("SELECT count(*) FROM leaf ANTI JOIN reducible USING (stream)", {}) == [
            (2 * 9 + 2 * 9,)
        ]
        assert differences(conn, engine) == {}


def test_streams_told_apart_in_many_shares_have_the_same_rows(
    book: BookWriter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.recount.leaves.SHARE_FACTS", 100)
    book.record(*_short_attendances())
    History(7).facts(book, 200)
    _project(book.url)
    with closing(Book(book.url)) as reading:
        told = reading.leaves(0, 10_000)
    with psycopg.connect(book.url) as conn, from_leaves(told, origin=ORIGIN) as engine:
        ((last_share,),) = engine.rows("SELECT count(*) FROM share", {})
        assert 0 < last_share < book.head / 4
        assert differences(conn, engine) == {}


@pytest.mark.parametrize(
    ("memory_mb", "in_order"), [(database.LITTLE_MB, True), (database.PLENTY_MB, False)]
)
def test_many_facts_are_put_in_order_where_memory_is_scarce_and_are_the_same(
    book: BookWriter, monkeypatch: pytest.MonkeyPatch, memory_mb: int, in_order: bool
) -> None:
    monkeypatch.setattr("projections.recount.leaves.SHARE_FACTS", 100)
    History(7).facts(book, 200)
    _project(book.url)
    with closing(Book(book.url)) as reading:
        told = reading.leaves(0, 10_000)
    with (
        psycopg.connect(book.url) as conn,
        from_leaves(told, origin=ORIGIN, memory_mb=memory_mb) as engine,
    ):
        found = engine.rows("SELECT bool_and(persistent) FROM pragma_storage_info('leaf')", {})
        assert found == [(in_order,)]
        assert differences(conn, engine) == {}


def test_where_memory_is_scarce_facts_are_put_in_order_a_share_at_a_time(
    leaves: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("projections.recount.leaves.SHARE_FACTS", 20)
    monkeypatch.setattr("projections.recount.lines.STRETCH_BYTES", 1)  # each line one of its own
    order = database.Database.put_in_order
    ordered: list[int] = []

    def noted(db: database.Database) -> None:
        ((facts,),) = db.rows("SELECT count(*) FROM leaf")
        ordered.append(facts)
        order(db)

    monkeypatch.setattr(database.Database, "put_in_order", noted)
    with from_leaves(leaves, origin=ORIGIN, memory_mb=database.LITTLE_MB):
        assert ordered == list(range(21, len(leaves) + 1, 20))
    assert len(ordered) > 3


def test_rows_about_facts_keep_a_text_once(leaves: list[bytes]) -> None:
    with from_leaves(leaves, origin=ORIGIN) as engine:
        rows = engine.telling.backdated(date.min, date.max, engine.position, -100_000)
    actors = [actor for *_, actor, _ in rows]
    assert len(actors) > len(set(actors))
    assert len({id(actor) for actor in actors}) == len(set(actors))


def test_whom_an_organisation_sent_is_found_once_for_all_its_classes(
    leaves: list[bytes],
) -> None:
    with from_leaves(leaves, origin=ORIGIN) as engine:
        for dimension in ("kind", "size_class", "nuts2"):
            compute(
                engine,
                CATALOGUE["participations"],
                period_from=None,
                period_to=date(2025, 12, 31),
                known_at=len(leaves),
                by=dimension,
            )
        made = engine.rows("SELECT table_name FROM information_schema.tables", {})
    names = [name.rpartition("_")[0] for (name,) in made]
    assert (names.count("sent"), names.count("participant")) == (1, 1)


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
        pytest.raises(Unreadable, match="position 11 follows on 9"),
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


def test_a_position_that_stands_there_twice_stops_a_recount(leaves: list[bytes]) -> None:
    with (
        pytest.raises(Unreadable, match="position 9 follows on 9"),
        from_leaves([*leaves[:9], leaves[8], *leaves[10:]], origin=ORIGIN),
    ):
        pass


def test_an_empty_line_is_no_fact(leaves: list[bytes]) -> None:
    with (
        pytest.raises(Unreadable, match="one of the lines is no fact"),
        from_leaves([*leaves[:9], b"", *leaves[9:]], origin=ORIGIN),
    ):
        pass


def test_an_empty_last_line_is_no_fact(leaves: list[bytes]) -> None:
    with pytest.raises(Unreadable, match="is no fact"), from_leaves([*leaves, b""], origin=ORIGIN):
        pass


def _rows(leaves: list[bytes]) -> dict[str, list[tuple[object, ...]]]:
    """Of each table."""
    asked = {t: f"SELECT * FROM models.{t} ORDER BY {', '.join(columns(t))}" for t in TABLES}
    with from_leaves(leaves, origin=ORIGIN) as engine:
        rows = {table: engine.rows(sql, {}) for table, sql in asked.items()}
    assert rows["attendance"]
    return rows


def test_leaves_are_counted_in_whatever_order_they_come(leaves: list[bytes]) -> None:
    assert _rows(leaves[::-1]) == _rows(leaves)


def test_a_part_that_became_too_large_is_reduced_in_parts(
    leaves: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = _rows(leaves)
    monkeypatch.setattr(reducing, "BUFFERED_BYTES", 1)
    monkeypatch.setattr(reducing, "PART_BYTES", 1_000)
    assert _rows(leaves) == wanted


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


def test_a_fact_in_the_stream_of_another_subject_stops_a_recount(leaves: list[bytes]) -> None:
    """Else one person's two facts, in two streams, would be two attendances."""
    own, other = (str(orjson.loads(leaf)["stream"]).encode() for leaf in leaves[:2])
    assert own != other
    with (
        pytest.raises(Unreadable, match="position 2 is not of the ledger"),
        from_leaves([leaves[0], leaves[1].replace(other, own), *leaves[2:]], origin=ORIGIN),
    ):
        pass


def test_a_void_away_from_its_target_stops_a_recount(book: BookWriter) -> None:
    first, second = (ClusterRegistered(name, name, date(2020, 1, 1)) for name in ("rail", "food"))
    book.record(first, second)
    book.record(book.void(1))
    with closing(Book(book.url)) as reading:
        told = reading.leaves(0, 3)
    streams = [str(orjson.loads(leaf)["stream"]).encode() for leaf in told]
    assert streams[2] == streams[0]
    told[2] = told[2].replace(streams[0], streams[1])
    with (
        pytest.raises(Unreadable, match="the void at position 3 is of no fact of its stream"),
        from_leaves(told, origin=ORIGIN),
    ):
        pass


def test_a_file_that_was_cut_is_not_recounted(leaves: list[bytes], tmp_path: Path) -> None:
    (file := tmp_path / "cut.ndjson").write_bytes(b"\n".join(leaves))
    with (
        pytest.raises(Unreadable, match=f"line {len(leaves)} was cut"),
        from_leaves(file, origin=ORIGIN),
    ):
        pass


def test_one_endless_line_is_not_read_to_its_end(tmp_path: Path) -> None:
    endless = repeat(b"[" * 100_000)
    with pytest.raises(Unreadable, match="line 1 is longer than any fact"):
        next(stretches(endless, tmp_path))


def test_leaves_in_many_files_are_counted_as_those_in_one(
    leaves: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = _rows(leaves)
    monkeypatch.setattr(lines, "STRETCH_BYTES", 1_000)
    assert _rows(leaves) == wanted


LONG_LIST = "SELECT len(list(i)) FROM range(3_000_000) AS t(i)"
"""Some 25 MB that cannot go to disk."""


def _limit_of(db: database.Database) -> str:
    ((limit,),) = db.rows("SELECT current_setting('memory_limit')")
    return str(limit)


def test_a_question_that_needs_more_memory_gets_it_for_as_long(tmp_path: Path) -> None:
    with database.Database(tmp_path, 10) as db:
        limit = _limit_of(db)
        assert db.rows(LONG_LIST) == [(3_000_000,)]
        assert _limit_of(db) == limit
        with pytest.raises(duckdb.OutOfMemoryException):
            db.rows(LONG_LIST, grow=False)


def test_rows_that_come_some_at_a_time_get_it_too(tmp_path: Path) -> None:
    with database.Database(tmp_path, 10) as db:
        limit = _limit_of(db)
        assert list(db.streamed(LONG_LIST)) == [(3_000_000,)]
        assert _limit_of(db) == limit


def test_memory_has_an_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "MEMORY_MB_MAX", 12)
    with database.Database(tmp_path, 10) as db, pytest.raises(duckdb.OutOfMemoryException):
        db.rows(LONG_LIST)


def test_a_question_finds_room_beside_what_was_found_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tables not in order yet, a second thread, and an operator that keeps what it has: of these
    memory is taken before there is more of it."""
    monkeypatch.setattr(database, "MEMORY_MB_MAX", 0)
    tables = [f"kept_{number}" for number in range(4)]
    each = "SELECT id, key FROM "
    union = f"SELECT count(*) FROM ({each}{f' UNION {each}'.join(tables)})"
    with database.Database(tmp_path, 28) as db:
        for number, table in enumerate(tables):
            db.rows(
                f"CREATE TABLE {table} AS SELECT md5_number((4 * i + {number})::VARCHAR) AS id,"
                " 'k' || i % 17 AS key FROM range(1_000_000) t(i)"
            )
        with pytest.raises(duckdb.OutOfMemoryException):  # the control: it does not fit as it is
            db.rows(union, grow=False)
        assert db.rows(union) == [(4_000_000,)]
        assert db.rows("SELECT current_setting('threads')") == [(database.THREADS,)]


def test_where_no_memory_is_left_no_fact_is_blamed(
    leaves: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def none_left(self: database.Database, sql: str) -> Iterator[tuple[str, str]]:
        raise duckdb.OutOfMemoryException("could not allocate block\nin detail")

    monkeypatch.setattr(database.Database, "streamed", none_left)
    with pytest.raises(OSError, match=r"left to recount in: .*could not allocate block$"):
        _rows(leaves)


def test_what_came_late_is_told_alike_in_many_shares(
    leaves: list[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def told() -> list[tuple[Any, ...]]:
        with from_leaves(leaves, origin=ORIGIN) as engine:
            engine.telling.late(date.min, date.max, engine.position)
            return engine.rows("SELECT * FROM told ORDER BY position, day", {})

    at_once = told()
    assert len(at_once) >= len(leaves)
    assert len({day for *_, day, _, _ in at_once}) > 10
    monkeypatch.setattr("projections.recount.leaves.SHARE_FACTS", 20)
    assert told() == at_once


def test_no_table_is_in_memory(leaves: list[bytes]) -> None:
    """There a part of each of its columns would stay, whatever the limit."""
    with from_leaves(leaves, origin=ORIGIN) as engine:
        engine.telling.late(date.min, date.max, engine.position)
        members = CATALOGUE["members"]
        compute(
            engine,
            members,
            period_from=None,
            period_to=date(2024, 12, 31),
            known_at=engine.position,
            by=None,
        )
        places = engine.rows("SELECT DISTINCT database_name FROM duckdb_tables()", {})
    assert places == [("recount",)]


def test_many_groups_are_counted_in_the_memory_that_there_is(tmp_path: Path) -> None:
    grouped = "SELECT sum(c) FROM (SELECT n, i, count(*) AS c FROM numbers GROUP BY n, i)"
    with database.Database(tmp_path, 40) as db:
        db.rows("CREATE TABLE numbers AS SELECT 'k' || i % 17 AS n, i FROM range(3_000_000) t(i)")
        assert db.rows(grouped, grow=False) == [(3_000_000,)]
        db.rows("SET max_temp_directory_size = '0MB'")
        with pytest.raises(duckdb.OutOfMemoryException):  # the control: nothing can be put away
            db.rows(grouped, grow=False)
