"""The second engine: the figures' own SQL, on tables recounted from leaves, in DuckDB."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import IOBase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, TypeGuard

from projections.recount.database import PLENTY_MB, Database
from projections.recount.fragments import Fragments
from projections.recount.lines import pieces
from projections.recount.reading import load
from projections.recount.telling import Telling
from projections.recount.trailer import bytes_of


class DuckEngine:
    """Answers a figure's SQL from a file of facts alone. `position` is the last one it holds."""

    def __init__(self, db: Database, *, origin: str, position: int) -> None:
        self._fragments = Fragments(db)
        self.telling = Telling(db)
        self._origin = origin
        self.position = position

    @property
    def origin(self) -> str:
        """The origin of the ledger that the facts are of."""
        return self._origin

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """The rows of one statement with %(name)s parameters."""
        return self._fragments.rows(sql, parameters)


@contextmanager
def from_leaves(
    leaves: Path | IO[bytes] | Iterable[bytes],
    *,
    origin: str,
    memory_mb: int = PLENTY_MB,
    told: Callable[[int], object] = lambda _: None,
) -> Iterator[DuckEngine]:
    """The engine over a file of leaves, one a line (`facts.ndjson`), by its path or open, or over
    leaves in order, one each. DuckDB gets so much memory, and more where it cannot do with it.
    `told` is told now and then how far it is, in facts.

    Everything it needs is in a temporary folder and gone afterwards. Raises Unreadable.
    """
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="recount-")))
        size = None
        if isinstance(leaves, Path):
            size = bytes_of(leaves)
            leaves = stack.enter_context(leaves.open("rb"))
        written = pieces(leaves, size) if _is_file(leaves) else map(_line, leaves)
        db = stack.enter_context(Database(scratch, memory_mb))
        position = load(db, written, scratch, origin=origin, told=told)
        yield DuckEngine(db, origin=origin, position=position)


def _is_file(leaves: IO[bytes] | Iterable[bytes]) -> TypeGuard[IO[bytes]]:
    return isinstance(leaves, IOBase)


def _line(leaf: bytes) -> bytes:
    return bytes(leaf) + b"\n"
