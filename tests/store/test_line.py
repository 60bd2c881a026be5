"""The line on which facts are appended: what is sent is done in the order it was sent."""

from collections.abc import Iterator
from struct import pack

import psycopg
import pytest
from psycopg.errors import UniqueViolation

from ledger.store.line import BEGIN, COMMIT, Line, Statement, int8

COPY = b"COPY numbers FROM STDIN (FORMAT BINARY)"
NOTE = Statement(b"note", b"INSERT INTO notes SELECT count(*) FROM numbers")
NOTES = Statement(b"notes", b"SELECT count FROM notes ORDER BY count")


@pytest.fixture
def line(database_url: str) -> Iterator[Line]:
    """A line that sees a table of distinct numbers, and one for notes how many they were."""
    with psycopg.connect(database_url, autocommit=True) as conn:
        conn.execute("CREATE TEMP TABLE numbers (number bigint UNIQUE)")
        conn.execute("CREATE TEMP TABLE notes (count bigint)")
        yield Line(conn)


def number(value: int) -> bytes:
    """A row for COPY."""
    return pack("!hiq", 1, 8, value)


def notes(line: Line) -> list[int]:
    """What was noted."""
    line.send(NOTES)
    *_, found = line.answers()
    return [int8(found.get_value(n, 0) or b"") for n in range(found.ntuples)]


def test_a_statement_amid_a_copy_sees_the_rows_before_it_and_none_behind(line: Line) -> None:
    line.send(BEGIN)
    line.copy(COPY, number(1) + number(2))
    line.send(NOTE)
    line.copy(COPY, number(3))
    line.send(NOTE)
    line.send(COMMIT)
    assert notes(line) == [2, 3]


def test_behind_a_copy_that_fails_nothing_is_done(line: Line) -> None:
    line.send(BEGIN)
    line.copy(COPY, number(1) + number(1))
    line.send(NOTE)
    line.send(COMMIT)
    with pytest.raises(UniqueViolation):
        line.answers()
    line.roll_back()
    assert notes(line) == []
