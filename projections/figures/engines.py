"""What runs a figure's SQL: tables `models.*` at some origin, asked in SQL.

A figure is computed by one text, in what PostgreSQL and DuckDB understand alike. Which engine holds
the tables, and who folded them, must not show in a single byte of the answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    import psycopg

_SETTINGS: Final = """SELECT set_config('enable_nestloop', 'off', true),
    set_config('enable_mergejoin', 'off', true), set_config('enable_sort', 'off', true),
    set_config('jit', 'off', true), set_config('hash_mem_multiplier', '1', true),
    set_config('cpu_operator_cost', '0.0005', true),
    set_config('parallel_tuple_cost', '0.01', true), set_config('work_mem', '8MB', true),
    set_config('max_parallel_workers_per_gather', %s, true)"""
_WORKERS_ALONE: Final = "1"
_WORKERS_AMONG_MANY: Final = "0"

_PATIENCE: Final = "SELECT set_config('statement_timeout', '120s', true)"


@contextmanager
def patiently(conn: psycopg.Connection[Any]) -> Iterator[None]:
    """A transaction whose statements, each a part of a report, may take longer than one question
    may: two minutes."""
    with conn.transaction():
        conn.execute(_PATIENCE)
        yield


class Engine(Protocol):
    """Answers SQL on the read models' tables."""

    @property
    def origin(self) -> str:
        """The origin of the ledger that the tables were folded from."""

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement with %(name)s parameters: integers, strings, dates and
        UUIDs."""


class PostgresEngine:
    """The read models of a ledger, over a connection that may read them. `among_many`: what is
    asked are many questions at once, on both cores."""

    def __init__(self, conn: psycopg.Connection[Any], *, among_many: bool = False) -> None:
        self.conn = conn
        self._workers = _WORKERS_AMONG_MANY if among_many else _WORKERS_ALONE

    @cached_property
    def origin(self) -> str:
        """As the ledger's head names it."""
        row = self.conn.execute("SELECT origin FROM ledger.head").fetchone()
        if row is None:
            raise LookupError("the database holds no ledger")
        return str(row[0])

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The planner expects a ninth of the held activities inside the period, where nearly all
        are, and loops over the attendances or sorts them: 0.4 s instead of 0.17 s at 400,000 of
        them. So it may join and group by hash only, in this transaction (or the caller's, if
        there is one), and no plan is kept for other parameters.

        A hash larger than the processor's caches is slower than its parts, one after the other,
        written out and read again: at 4 million attendances 8 MB take a quarter less time than 64.
        In 4 MB the 80,000 activities of those have no room, and all attendances are written out to
        be joined with them: 1.6 s instead of 1.2.
        One question alone has a worker's help, which takes up to a third of the time at 4 million;
        were what it hands over not cheap, it would read and not join. Of the few persons with
        several references the planner knows nothing, and would hash all attendances instead of
        them, were comparing not cheap. Values do not depend on any of it.
        """
        with self.conn.transaction():
            self.conn.execute(_SETTINGS, (self._workers,))
            return self.conn.execute(sql, parameters, prepare=False).fetchall()
