"""The second engine: the figures' own SQL, on tables recounted from leaves, in DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import IOBase
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, TypeGuard

from projections.recount.database import PLENTY_MB, Database
from projections.recount.fragments import Fragments
from projections.recount.reading import load, read_lines
from projections.recount.telling import Telling
from projections.recount.trailer import lines_of


class DuckEngine:
    """Answers a figure's SQL from a file of facts alone. `position` is the last one it holds;
    `folder` has what a recount leaves."""

    def __init__(self, db: Database, folder: Path, *, origin: str, position: int) -> None:
        self._fragments = Fragments(db)
        self.telling = Telling(db, folder)
        self._origin = origin
        self.position = position

    @property
    def origin(self) -> str:
        """The origin of the ledger that the facts are of."""
        return self._origin

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement in PostgreSQL's dialect with %(name)s parameters."""
        return self._fragments.rows(sql, parameters)


@contextmanager
def from_leaves(
    leaves: Path | IO[bytes] | Iterable[bytes],
    *,
    origin: str,
    memory_mb: int = PLENTY_MB,
    reduced: Callable[[int], object] = lambda _: None,
) -> Iterator[DuckEngine]:
    """The engine over a file of leaves, one a line (`facts.ndjson`), by its path or open, or over
    leaves in order, one each. DuckDB gets so much memory, and more where it cannot do with it.
    `reduced` is told now and then how many facts were reduced to rows.

    Everything it needs is in a temporary folder and gone afterwards. Raises Unreadable.
    """
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="recount-")))
        upto = None
        if isinstance(leaves, Path):
            upto = lines_of(leaves)
            leaves = stack.enter_context(leaves.open("rb"))
        lines = read_lines(leaves) if _is_file(leaves) else (bytes(leaf) + b"\n" for leaf in leaves)
        stack.callback(lines.close)
        db = stack.enter_context(Database(scratch, memory_mb))
        told = islice(lines, upto)
        position = load(db, told, scratch, origin=origin, reduced=reduced)
        yield DuckEngine(db, scratch, origin=origin, position=position)


def _is_file(leaves: IO[bytes] | Iterable[bytes]) -> TypeGuard[IO[bytes]]:
    return isinstance(leaves, IOBase)
