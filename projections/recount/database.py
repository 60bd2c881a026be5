"""DuckDB in as little memory as it manages with; what does not fit is on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from glob import escape
from json import dumps
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import duckdb

MEMORY_MB: Final = 64
"""What DuckDB may use where that will do; it reads files 32 MB at a time. Beside it Python,
DuckDB's own text and what it does not count take some 100 MB."""
OPERATORS_MB: Final = 32
"""Of it, what hash tables may use before they go to disk: else they take all that is there, and
what comes next is refused the little that it needs."""
UNORDERED_MB: Final = 256
"""Written to the file before it is put in order, and what was dropped is written over."""
MEMORY_MB_MAX: Final = 4_000
ROW_BYTES_MAX: Final = 1 << 20
"""Of a row as JSON; DuckDB reads that much at a time."""


def rows_in(path: Path, shape: Mapping[str, str]) -> str:
    """To select from: a file with a row as JSON on each line, of these columns and types."""
    typed = ", ".join(f"{column}: '{type}'" for column, type in shape.items())
    name = escape(str(path)).replace("'", "''")
    return f"read_ndjson('{name}', columns = {{{typed}}}, maximum_object_size = {ROW_BYTES_MAX})"


def lines_in(path: Path, shape: Mapping[str, str]) -> str:
    """The same in a sixteenth of the memory, for what needs much besides: where `rows_in` reads
    32 MB at a time, this takes a line as text, which no byte of JSON ends, and twice the time."""
    name, structure = (text.replace("'", "''") for text in (escape(str(path)), dumps(dict(shape))))
    text = (
        f"read_csv('{name}', columns = {{line: 'VARCHAR'}}, auto_detect = false, header = false,"
        " delim = '\x01', quote = '', escape = '', new_line = '\\n',"
        f" buffer_size = {2 * ROW_BYTES_MAX}, max_line_size = {ROW_BYTES_MAX})"
    )
    return f"(SELECT unnest(from_json(line, '{structure}')) FROM {text})"  # noqa: S608 - quoted above


class Database:
    """A database in a file, which is of use to nobody afterwards, with little of it in memory. A
    context manager. Raises duckdb.Error."""

    def __init__(self, folder: Path) -> None:
        self._db = duckdb.connect(
            config={
                "memory_limit": f"{MEMORY_MB}MB",
                "temp_directory": str(folder / "spilled"),
                "threads": 1,  # each has buffers of its own, and the other core verifies
                "preserve_insertion_order": False,
            }
        )
        self._db.execute(f"SET operator_memory_limit = '{OPERATORS_MB}MB'")
        # It would stand among what commands print.
        self._db.execute("SET enable_progress_bar = false")
        # Tables in memory keep a part of each of their columns there, whatever the limit.
        file = str(folder / "recount.duckdb").replace("'", "''")
        self._db.execute(f"ATTACH '{file}' AS recount (RECOVERY_MODE NO_WAL_WRITES)")
        self._db.execute("USE recount")
        # Each time the file is put in order DuckDB waits for the disk, which nobody needs.
        self._db.execute(f"SET checkpoint_threshold = '{UNORDERED_MB}MB'")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._db.close()

    def rows(
        self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = (), *, grow: bool = True
    ) -> list[tuple[Any, ...]]:
        """The rows of a statement. One that needs more memory than there is, which is not known
        beforehand and grows with the facts, is tried again: as if there were two threads, then with
        an eighth more at a time, if it may grow. Raises OutOfMemoryException."""
        with suppress(duckdb.OutOfMemoryException):
            return self._db.execute(sql, parameters).fetchall()
        memory = MEMORY_MB
        try:
            self._plan_for(2)
            while grow and memory < MEMORY_MB_MAX:
                with suppress(duckdb.OutOfMemoryException):
                    return self._db.execute(sql, parameters).fetchall()
                memory += memory // 8
                self._limit(memory)
            return self._db.execute(sql, parameters).fetchall()
        finally:
            self._plan_for(1)
            with suppress(duckdb.OutOfMemoryException):
                self._limit(MEMORY_MB)

    def _plan_for(self, threads: int) -> None:
        """Where there is one thread, it groups all rows in one table, which only grows; two put
        them away in parts, and then as much memory does for any number. All are threads that
        callers would lend, and only one calls: no other is started, the other core verifies."""
        self._db.execute("SET external_threads = 1")
        self._db.execute(f"SET threads = {threads}")
        self._db.execute(f"SET external_threads = {threads}")

    def _limit(self, memory: int) -> None:
        self._db.execute(f"SET memory_limit = '{memory}MB'")
