"""What the reducer makes of facts, subject by subject, into the tables.

They are spread over the parts of a file by their stream, and a part is in memory at a time.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from operator import attrgetter
from pathlib import Path
from typing import IO, Any, Final

import orjson
from msgspec import Struct
from msgspec.json import Decoder

from ledger.transparency.spill import Spill
from projections.recount.database import Database, rows_in
from projections.recount.leaves import KEYS
from projections.recount.lines import Unreadable
from projections.recount.reducer import Fact, Known, first_day, recount
from projections.recount.tables import TABLES, columns

VOID: Final = "fact.voided.v1"
_VOIDED: Final = {"void": "BIGINT", "target": "BIGINT"}
"""The table `voided`: what each void is of, where that is counted."""
PART_BYTES: Final = 8 << 20
"""Of facts that are reduced at a time: some 40 MB as objects."""
BUFFERED_BYTES: Final = 8 << 20
TELL_FACTS: Final = 20_000
"""After so many each; whoever is told may be slow to listen."""


class _Leaf(Struct, array_like=True, gc=False):
    """Of a fact, what is counted."""

    position: int
    stream: str
    type: str
    source: str
    id: str
    data: dict[str, Any]

    def fact(self) -> Fact:
        """For the reducer."""
        day = first_day(self.data)
        return Fact(self.position, self.type, self.source, self.id, self.data, day)


_leaves: Final = Decoder(_Leaf).decode_lines
_leaf: Final = Decoder(_Leaf).decode


def reduce(
    db: Database,
    leaves: Iterable[tuple[str, str]],
    scratch: Path,
    told: Callable[[int], object],
) -> None:
    """The rows of facts, each given by its stream and as JSON (`Leaves.reducible`); and what voids
    are of, in the table `voided`.

    `told` is told now and then how many are done. Raises Unreadable, and whatever data raise that
    are those of no fact.
    """
    db.rows(f"CREATE TABLE voided ({', '.join(map(' '.join, _VOIDED.items()))})")
    spill = Spill(_by_stream, part_bytes=PART_BYTES, buffered_bytes=BUFFERED_BYTES)
    with spill as spread, _uncollected(), _Rows(scratch) as rows:
        spread.add((stream, json.encode() + b"\n") for stream, json in leaves)
        done = said = 0
        told(done)
        for part in spread.parts():
            facts = sorted(_leaves(part), key=attrgetter("position"))
            subjects = defaultdict(list)
            for leaf in facts:
                subjects[leaf.stream].append(leaf.fact())
            for subject in subjects.values():
                _recount(subject, rows)
            done += len(facts)
            if done - said >= TELL_FACTS:
                told(said := done)
    rows.load(db)


def _by_stream(part: bytes) -> Iterator[tuple[str, bytes]]:
    for line in part.splitlines(keepends=True):
        yield _leaf(line).stream, line


@contextmanager
def _uncollected() -> Iterator[None]:
    """No garbage collection: of millions of objects none is in a cycle, and looking takes a tenth
    of the time."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()


def _recount(facts: list[Fact], rows: _Rows) -> None:
    """The rows of one stream. Raises Unreadable."""
    words = (fact.type.partition(".")[0] for fact in facts)
    kind = next((KEYS[word][0] for word in words if word in KEYS), None)
    if kind is None:
        return
    for fact in facts:
        if fact.type == VOID:
            rows.voided(fact, _target(fact, facts))
    rows.known(recount(kind, facts))


def _target(void: Fact, facts: list[Fact]) -> Fact:
    """Raises Unreadable for a void away from its target: it would change nothing here."""
    target = (void.data.get("target_source", void.source), void.data["target"])
    for fact in facts:
        if (fact.source, fact.id) == target:
            return fact
    raise Unreadable(f"the void at position {void.position} is of no fact of its stream")


class _Rows(ExitStack):
    """Rows on their way into the tables, by way of files, which DuckDB reads far faster than it
    binds."""

    def __init__(self, scratch: Path) -> None:
        super().__init__()
        self._shapes = {f"models.{table}": columns(table) for table in TABLES}
        self._shapes["voided"] = _VOIDED
        self._paths = {table: scratch / f"{table}.ndjson" for table in self._shapes}
        self._files: dict[str, IO[bytes]] = {
            table: self.enter_context(path.open("wb")) for table, path in self._paths.items()
        }

    def voided(self, void: Fact, target: Fact) -> None:
        """Take what a void is of."""
        self._take("voided", (void.position, target.position))

    def known(self, rows: Iterable[Known]) -> None:
        """Take rows of the reducer."""
        for (table, values), known_from, known_to in rows:
            self._take(f"models.{table}", (*values, known_from, known_to))

    def _take(self, table: str, values: tuple[Any, ...]) -> None:
        row = dict(zip(self._shapes[table], values, strict=True))
        self._files[table].write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))

    def load(self, db: Database) -> None:
        """Put all into the tables, once the files are closed."""
        for table, shape in self._shapes.items():
            db.rows(f"INSERT INTO {table} FROM {rows_in(self._paths[table], shape)}")
            self._paths[table].unlink()
