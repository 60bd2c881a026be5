"""The second engine: the figures' own SQL, on tables recounted from leaves, in DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import lru_cache
from io import IOBase
from pathlib import Path
from shutil import copyfileobj
from tempfile import TemporaryDirectory
from typing import IO, Any, Final

import duckdb
import sqlglot

from projections.recount.reading import load

MEMORY: Final = "1GB"
"""What DuckDB may use before it spills to disk: memory is bounded, however much is
recounted."""


class DuckEngine:
    """Answers a figure's SQL from a file of facts alone. `position` is the last one it holds."""

    def __init__(self, db: duckdb.DuckDBPyConnection, *, origin: str, position: int) -> None:
        self._db = db
        self._origin = origin
        self.position = position

    @property
    def origin(self) -> str:
        """The origin of the ledger that the facts are of."""
        return self._origin

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement in PostgreSQL's dialect with %(name)s parameters."""
        text, named = translated(sql)
        return self._db.execute(text, {name: parameters[name] for name in named}).fetchall()


@lru_cache(maxsize=256)
def translated(sql: str) -> tuple[str, tuple[str, ...]]:
    """A statement in DuckDB's dialect, and the names of its parameters."""
    (tree,) = sqlglot.parse(sql, read="postgres")
    assert tree is not None
    for part in tree.find_all(sqlglot.exp.CTE):
        part.set("materialized", None)  # a hint to PostgreSQL's planner
    names = {str(found.this) for found in tree.find_all(sqlglot.exp.Placeholder)}
    return tree.sql(dialect="duckdb", comments=False), tuple(sorted(names))


@contextmanager
def from_leaves(leaves: Path | IO[bytes] | Iterable[bytes], *, origin: str) -> Iterator[DuckEngine]:
    """The engine over a file of leaves, one a line (`facts.ndjson`), by its path or open, or over
    leaves in order, one each.

    Everything it needs is in a temporary folder and gone afterwards. Raises Unreadable.
    """
    with TemporaryDirectory(prefix="recount-") as folder:
        scratch = Path(folder)
        path = leaves if isinstance(leaves, Path) else _written(leaves, scratch / "facts.ndjson")
        with duckdb.connect(str(scratch / "recount.duckdb")) as db:
            db.execute(f"SET memory_limit = '{MEMORY}'")
            db.execute("SET preserve_insertion_order = false")
            db.execute("SET temp_directory = ?", [str(scratch / "spilled")])
            position = load(db, path, scratch, origin=origin)
            yield DuckEngine(db, origin=origin, position=position)


def _written(leaves: IO[bytes] | Iterable[bytes], path: Path) -> Path:
    with path.open("wb") as file:
        if isinstance(leaves, IOBase):
            copyfileobj(leaves, file, 1 << 20)
        else:
            file.writelines(bytes(leaf) + b"\n" for leaf in leaves)
    return path
