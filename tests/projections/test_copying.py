"""PostgreSQL reads from binary COPY what was packed."""

from datetime import date
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from projections.copying import PACKERS, blocks, rows_packer
from projections.models.base import ALWAYS, FOREVER, Row

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "boolean": st.booleans(),
    "date": st.dates(date(1, 1, 2), date(9999, 12, 30)),
    "smallint": st.integers(-(2**15), 2**15 - 1),
    "text": TEXTS,
    "text[]": st.lists(TEXTS, max_size=3).map(tuple),
    "uuid": st.uuids(),
}
ROWS = st.lists(st.tuples(*(VALUES[name] | st.none() for name in PACKERS)), max_size=5)


def _through(
    conn: psycopg.Connection[Any], types: list[str], rows: list[Row], *, read: str = "{}"
) -> list[Row]:
    """Rows of these types as a table gives them back, each column read so."""
    names = [f"c{number}" for number in range(len(types))]
    shape = ", ".join(map(" ".join, zip(names, types, strict=True)))
    with conn.transaction(force_rollback=True), conn.cursor(binary=True) as curs:
        curs.execute(f"CREATE TEMP TABLE packed (turn serial, {shape})")
        with curs.copy(f"COPY packed ({', '.join(names)}) FROM STDIN (FORMAT BINARY)") as copy:
            for block in blocks(rows_packer(types)(rows)):
                copy.write(block)
        asked = ", ".join(map(read.format, names))
        found = curs.execute(f"SELECT {asked} FROM packed ORDER BY turn").fetchall()
    return [
        tuple(tuple(value) if isinstance(value, list) else value for value in row) for row in found
    ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(rows=ROWS)
def test_rows_of_every_type_come_back_as_they_were_packed(
    server: psycopg.Connection[Any], rows: list[Row]
) -> None:
    assert _through(server, [*PACKERS], rows) == rows


@pytest.mark.parametrize(("day", "text"), [(FOREVER, "infinity"), (ALWAYS, "-infinity")])
def test_a_day_without_end_is_infinity_in_postgresql(
    server: psycopg.Connection[Any], day: date, text: str
) -> None:
    assert _through(server, ["date"], [(day,)], read="{}::text") == [(text,)]


def test_a_row_that_lacks_a_column_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        rows_packer(["bigint", "bigint"])([(1,)])
