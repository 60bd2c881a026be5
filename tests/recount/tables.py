"""Rows of a read model as both databases hold them, in the same words."""

from __future__ import annotations

from collections import Counter
from typing import Any

import psycopg

from projections.recount.engine import DuckEngine
from projections.recount.tables import TABLES, columns

Rows = Counter[tuple[Any, ...]]


def _asked(table: str) -> str:
    """Days as text, since an open end is no date of Python's."""
    shown = (f"CAST({c} AS text)" if t == "DATE" else c for c, t in columns(table).items())
    return f"SELECT {', '.join(shown)} FROM models.{table}"


def _plain(rows: list[tuple[Any, ...]]) -> Rows:
    return Counter(tuple(tuple(v) if isinstance(v, list) else v for v in row) for row in rows)


def differences(conn: psycopg.Connection[Any], engine: DuckEngine) -> dict[str, tuple[Rows, Rows]]:
    """By table: rows that only PostgreSQL has, and rows that only the recount has."""
    found = {}
    for table in TABLES:
        one = _plain(conn.execute(_asked(table)).fetchall())
        other = _plain(engine.rows(_asked(table), {}))
        if one != other:
            found[table] = (one - other, other - one)
    return found
