"""DuckDB in as little memory as it manages with; what does not fit is on disk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
BY_FILE: Final = ("SET external_threads = 1", "SET threads = 1", "SET operator_memory_limit = '32MB'")
"""How files are read and joined: one thread, since each reads 32 MB at a time; and a join goes to
disk while there is some memory left for what it reads."""
BY_TABLE: Final = ("SET threads = 2", "SET external_threads = 2", "RESET operator_memory_limit")
"""How tables are asked. Groups go to disk as they should only where there are two threads or more;
one alone holds them all. The second is one that a caller lends, and nobody does: none is started."""
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
                "preserve_insertion_order": False,
            }
        )
        # It would stand among what commands print.
        self._db.execute("SET enable_progress_bar = false")
        # Tables in memory keep a part of each of their columns there, whatever the limit.
        file = str(folder / "recount.duckdb").replace("'", "''")
        self._db.execute(f"ATTACH '{file}' AS recount (RECOVERY_MODE NO_WAL_WRITES)")
        self._db.execute("USE recount")
        self.plan(BY_FILE)

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
        beforehand and grows with the facts, is tried again with a quarter more, if it may grow.
        Raises OutOfMemoryException."""
        memory = MEMORY_MB
        try:
            while grow and memory < MEMORY_MB_MAX:
                with suppress(duckdb.OutOfMemoryException):
                    return self._db.execute(sql, parameters).fetchall()
                memory += memory // 4
                self._limit(memory)
            return self._db.execute(sql, parameters).fetchall()
        finally:
            if memory > MEMORY_MB:
                with suppress(duckdb.OutOfMemoryException):
                    self._limit(MEMORY_MB)

    def plan(self, settings: Iterable[str]) -> None:
        """Have what follows done BY_FILE or BY_TABLE."""
        for setting in settings:
            self._db.execute(setting)

    def _limit(self, memory: int) -> None:
        self._db.execute(f"SET memory_limit = '{memory}MB'")
