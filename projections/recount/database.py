"""DuckDB in as little memory as it manages with; what does not fit is on disk."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from glob import escape
from json import dumps
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, TypeVar

import duckdb

THREADS: Final = 2
"""What ten times the programme are asked then takes two thirds of the time, in the same memory."""
PLENTY_MB: Final = 512
"""For DuckDB, where a recount is all there is: ten times the programme ask for no more."""
LITTLE_MB: Final = 64
"""For DuckDB beside a verification. Python, DuckDB's own text and what it does not count take some
100 MB more."""
UNORDERED_MB: Final = 512
"""Written to the file before it is put in order, and what was dropped is written over."""
MEMORY_MB_MAX: Final = 4_000
ROW_BYTES_MAX: Final = 1 << 20
"""Of a row as JSON; DuckDB reads that much at a time."""
STREAMED_ROWS: Final = 2_000

_T = TypeVar("_T")

Shape = Mapping[str, "str | Shape"]
"""The types of columns by name, or those of the fields of an object."""


def lines_in(path: Path) -> str:
    """To select from: the lines of a file, in a column `line`. What reads JSON takes 32 MB a thread
    for it; so a line is taken as text, which no byte of JSON ends."""
    return (
        f"read_csv({_quoted(escape(str(path)))}, columns = {{line: 'VARCHAR'}},"
        " auto_detect = false, header = false, delim = '\x01', quote = '', escape = '',"
        f" new_line = '\\n', buffer_size = {2 * ROW_BYTES_MAX}, max_line_size = {ROW_BYTES_MAX})"
    )


def from_json(shape: Shape) -> str:
    """What the text `line` says, as an object of these fields and types."""
    return f"from_json(line, {_quoted(dumps(shape))})"


def rows_in(path: Path, shape: Shape) -> str:
    """To select from: a file with a row as JSON on each line, of these columns and types."""
    return f"(SELECT unnest({from_json(shape)}) FROM {lines_in(path)})"  # noqa: S608 - quoted above


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class Database:
    """A database in a file, which is of use to nobody afterwards, with little of it in memory: so
    many MB where that will do. A context manager. Raises duckdb.Error."""

    def __init__(self, folder: Path, memory_mb: int) -> None:
        self._memory_mb = self._limited_to = memory_mb
        self.is_scarce = memory_mb < PLENTY_MB
        """Whether time is spent to need less memory."""
        self._is_narrow = False
        self._db = duckdb.connect(
            config={
                "memory_limit": f"{memory_mb}MB",
                "temp_directory": str(folder / "spilled"),
                "threads": THREADS,
                "preserve_insertion_order": False,
            }
        )
        # Else hash tables take all that is there before they go to disk, and what comes next is
        # refused the little that it needs.
        self._share_out()
        # It would stand among what commands print.
        self._db.execute("SET enable_progress_bar = false")
        # Tables in memory keep a part of each of their columns there, whatever the limit.
        self._db.execute(
            f"ATTACH {_quoted(str(folder / 'recount.duckdb'))} AS recount"
            " (RECOVERY_MODE NO_WAL_WRITES)"
        )
        self._db.execute("USE recount")
        # Each time the file is put in order DuckDB waits for the disk, which nobody needs.
        self._db.execute(f"SET checkpoint_threshold = '{UNORDERED_MB}MB'")
        self._db.execute("PRAGMA disable_checkpoint_on_shutdown")

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
        """The rows of a statement. Raises OutOfMemoryException, where it may not have more."""
        with self._given_back():
            return self._tried(lambda: self._db.execute(sql, parameters).fetchall(), grow=grow)

    def streamed(
        self, sql: str, parameters: Mapping[str, Any] | Sequence[Any] = ()
    ) -> Iterator[tuple[Any, ...]]:
        """The rows of a statement, some at a time; none other may be asked before the last one."""
        with self._given_back():
            rows = self._tried(
                lambda: self._db.execute(sql, parameters).fetchmany(STREAMED_ROWS), grow=True
            )
            while rows:
                yield from rows
                rows = self._db.fetchmany(STREAMED_ROWS)

    def put_in_order(self) -> None:
        """Put all that was written in order in the file. What that takes of memory grows with how
        much was written since the last time. Where there is no room to do so, it stays."""
        with suppress(duckdb.OutOfMemoryException):
            self._db.execute("CHECKPOINT recount")

    def _tried(self, ask: Callable[[], _T], *, grow: bool) -> _T:
        """The answer, asked for again as long as there is more room to be had."""
        room = self._more_room(grow=grow)
        while True:
            try:
                return ask()
            except duckdb.OutOfMemoryException:
                if not next(room, False):
                    raise

    def _more_room(self, *, grow: bool) -> Iterator[bool]:
        """First what there is otherwise: that of tables which are not in order in the file yet,
        that of the other thread, that which one operator keeps from the next. Then an eighth more
        at a time, as what a question needs is not known beforehand and grows with the facts. True
        after each step."""
        self.put_in_order()
        yield True
        if not grow:
            return
        self._is_narrow = True
        self._db.execute("SET threads = 1")
        yield True
        self._share_out(4)
        yield True
        self._share_out()
        memory = self._memory_mb
        while memory < MEMORY_MB_MAX:
            memory += memory // 8
            self._limit(memory)
            yield True

    def _share_out(self, parts: int = 2) -> None:
        """An operator may have at most such a part of the memory for itself."""
        self._db.execute(f"SET operator_memory_limit = '{self._memory_mb // parts}MB'")

    @contextmanager
    def _given_back(self) -> Iterator[None]:
        """More memory than there is otherwise is given back, and work goes to all threads again."""
        try:
            yield
        finally:
            if self._is_narrow:
                self._db.execute(f"SET threads = {THREADS}")
                self._share_out()
                self._is_narrow = False
            if self._limited_to != self._memory_mb:
                with suppress(duckdb.OutOfMemoryException):
                    self._limit(self._memory_mb)

    def _limit(self, memory: int) -> None:
        self._db.execute(f"SET memory_limit = '{memory}MB'")
        self._limited_to = memory
