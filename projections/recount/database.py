"""DuckDB in as little memory as it manages with; what does not fit is on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import duckdb

MEMORY_MB: Final = 80
"""What DuckDB may use at first. Beside it Python, DuckDB's own text and what it does not count
take some 110 MB."""
MEMORY_MB_MAX: Final = 4_000


class Database:
    """A database in memory and a folder. A context manager. Raises duckdb.Error."""

    def __init__(self, folder: Path) -> None:
        self.memory_mb = MEMORY_MB
        self._db = duckdb.connect(
            config={
                "memory_limit": f"{MEMORY_MB}MB",
                "temp_directory": str(folder / "spilled"),
                "threads": 1,  # each has buffers of its own, and the other core verifies
                "preserve_insertion_order": False,
            }
        )
        # It would stand among what commands print.
        self._db.execute("SET enable_progress_bar = false")

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
        self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()
    ) -> list[tuple[Any, ...]]:
        """The rows of a statement. One that needs more at a time than is allowed, which is not
        known beforehand and grows with the facts, is tried again with half as much again."""
        while self.memory_mb < MEMORY_MB_MAX:
            with suppress(duckdb.OutOfMemoryException):
                return self._db.execute(sql, parameters).fetchall()
            self.memory_mb += self.memory_mb // 2
            self._db.execute(f"SET memory_limit = '{self.memory_mb}MB'")
        return self._db.execute(sql, parameters).fetchall()
