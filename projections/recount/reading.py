"""`facts.ndjson` into DuckDB: every fact once, found again by the subject it is about.

The lines are spread over the parts of a file by their stream; part by part the reducer makes rows
of them, and only rows reach DuckDB. So memory does not grow with the ledger. Nine facts of ten are
one person's only fact at an activity; what these amount to is plain (`_Attended`).
"""

from __future__ import annotations

import gc
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from hashlib import sha1
from io import BufferedReader
from pathlib import Path
from typing import IO, Any, Final
from uuid import NAMESPACE_URL, uuid5

import duckdb
import orjson
from msgspec import Struct
from msgspec.json import Decoder, Encoder

from ledger.transparency.spill import Spill
from projections.recount.database import Database, rows_in
from projections.recount.reducer import STILL, TYPES, Fact, Known, first_day, recount
from projections.recount.tables import TABLES, columns

KEYS: Final[dict[str, tuple[str, tuple[str, ...]]]] = {
    "cluster": ("cluster", ("cluster",)),
    "organisation": ("organisation", ("organisation_id",)),
    "membership": ("membership", ("organisation_id", "cluster")),
    "activity": ("activity", ("activity_id",)),
    "headcount": ("activity", ("activity_id",)),
    "attendance_list": ("activity", ("activity_id",)),
    "attendance": ("attendance", ("activity_id", "person_ref")),
    "project": ("project", ("project_id",)),
    "enrolment": ("enrolment", ("project_id", "organisation_id")),
    "person": ("person", ("person_ref",)),
}
"""By the first word of a fact's type: the kind of its subject, and what names the subject. Facts of
other words are counted nowhere."""

_SUBJECTS: Final = {type: KEYS[word] for type in TYPES if (word := type.split(".")[0]) in KEYS}

VOID: Final = "fact.voided.v1"
LEAVES: Final = "leaves.ndjson"
"""Leaves of subjects that more than one fact is of, or facts that nobody counts."""
VOIDED: Final = "voided.ndjson"
"""Of each void among them, what it is of."""
ATTENDED: Final = "attended"
"""The table of all others: who was at which activity, and who said it when."""
_SHAPE_OF_ATTENDED: Final = {
    "activity": "UUID",
    "person": "UUID",
    "organisation": "UUID",
    "recorded": "BOOLEAN",
    "known_from": "BIGINT",
    "actor": "VARCHAR",
    "recorded_on": "DATE",
}
RECORDED: Final = "attendance.recorded.v1"
PLAIN: Final = frozenset({RECORDED, "attendance.registered.v1"})
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
"""A digit of a digest, with the two bits that are the same in every UUID. RFC 9562, section 4.1."""
READ_BYTES: Final = 1 << 20
LINE_BYTES_MAX: Final = 1 << 16
PART_BYTES: Final = 8 << 20
"""Of lines that go through the reducer at a time: some 40 MB as objects."""
BUFFERED_BYTES: Final = 8 << 20
TIMES_TOLD: Final = 32
"""How many facts were reduced; whoever is told may be slow to listen."""


class Unreadable(Exception):
    """The facts cannot be recounted: {why}."""

    def __init__(self, why: object) -> None:
        super().__init__((type(self).__doc__ or "").format(why=why))


class _Placed(Struct, gc=False):
    """Of a leaf, what says where it goes."""

    position: int
    stream: str
    type: str


class _Attendance(Struct, gc=False):
    """Of the data of a leaf, whom an attendance is of."""

    activity_id: str = ""
    person_ref: str = ""
    organisation_id: str | None = None


class _Leaf(Struct, gc=False):
    """Of a leaf, what is counted of a plain attendance, and who recorded it when; and its line."""

    position: int
    stream: str
    type: str
    actor: str
    recorded_at: str
    data: _Attendance
    line: bytes = b""

    def fact(self) -> Fact:
        """For the reducer."""
        leaf = orjson.loads(self.line)
        data = leaf["data"]
        return Fact(self.position, self.type, leaf["source"], leaf["id"], data, first_day(data))


class _Attended(Struct, gc=False):
    """Who was recorded, or else registered, at an activity, where this is all that was ever said;
    and who said it when."""

    activity: str
    person: str
    organisation: str | None
    recorded: bool
    known_from: int
    actor: str
    recorded_on: str


_placed: Final = Decoder(_Placed).decode
_leaves: Final = Decoder(_Leaf).decode_lines
_encode_lines: Final = Encoder().encode_lines


def load(
    db: Database,
    lines: Iterable[bytes],
    scratch: Path,
    *,
    origin: str,
    reduced: Callable[[int], object],
) -> int:
    """Fill the tables `models.*` from leaves, each with its newline; the last position.

    `scratch` is a folder for what stands between. In the end every fact is there once, in the table
    ATTENDED or the file LEAVES, and what voids are of in the file VOIDED. `reduced` is told some
    thirty times how many facts have been through the reducer. Raises OSError where they cannot be
    read, Unreadable.
    """
    try:
        db.rows("CREATE SCHEMA models")
        for table in TABLES:
            shape = ", ".join(f"{name} {type}" for name, type in columns(table).items())
            db.rows(f"CREATE TABLE models.{table} ({shape})")
        spill = Spill(_by_stream, part_bytes=PART_BYTES, buffered_bytes=BUFFERED_BYTES)
        with spill as spread, _uncollected(), _Rows(scratch) as rows:
            last = _spread(lines, spread)
            _reduce(spread, last, _Streams(origin), rows, reduced)
        rows.load(db)
    except (duckdb.Error, LookupError, TypeError, ValueError, RecursionError) as error:
        sentence, *_ = str(error).splitlines() or [""]
        raise Unreadable(f"{type(error).__name__}: {sentence}") from error
    return last


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


def _spread(lines: Iterable[bytes], spill: Spill) -> int:
    """The last position. Raises Unreadable where a fact is missing or unknown."""
    position = 0
    for line in lines:
        position += 1
        if line[-1:] != b"\n":
            raise Unreadable(f"line {position} was cut, or is longer than any fact")
        leaf = _placed(line)
        if leaf.position != position:
            raise Unreadable(f"of the lines, number {position} holds position {leaf.position}")
        if leaf.type not in TYPES:
            raise Unreadable(f"nothing is known of {leaf.type} at position {position}")
        spill.add(leaf.stream, line)
    return position


def _by_stream(lines: bytes) -> Iterator[tuple[str, bytes]]:
    for line in lines.splitlines(keepends=True):
        yield _placed(line).stream, line


def _reduce(
    spill: Spill, last: int, streams: _Streams, rows: _Rows, reduced: Callable[[int], object]
) -> None:
    """The rows of every subject."""
    facts = said = 0
    for lines in spill.parts():
        subjects = defaultdict(list)
        leaves = _leaves(lines)
        for leaf, line in zip(leaves, lines.splitlines(keepends=True), strict=True):
            leaf.line = line
            subjects[leaf.stream].append(leaf)
        plain = []
        for told in subjects.values():
            if len(told) == 1 and told[0].type in PLAIN:
                plain.append(_plain(told[0], streams))
            else:
                rows.leaves(leaf.line for leaf in told)
                rows.known(_recounted(told, streams, rows))
        rows.attended(plain)
        facts += len(leaves)
        if (facts - said) * TIMES_TOLD >= last:
            reduced(facts)
            said = facts


def _plain(leaf: _Leaf, streams: _Streams) -> _Attended:
    who = leaf.data
    activity, person = who.activity_id, who.person_ref
    streams.demand(leaf, "attendance", f"{activity}/{person}")
    return _Attended(
        activity,
        person,
        who.organisation_id,
        leaf.type == RECORDED,
        leaf.position,
        leaf.actor,
        leaf.recorded_at[:10],
    )


def _recounted(leaves: list[_Leaf], streams: _Streams, rows: _Rows) -> Iterable[Known]:
    """What the reducer makes of one stream. Raises Unreadable where that is not one subject."""
    subjects = [_SUBJECTS.get(leaf.type) for leaf in leaves if leaf.type != VOID]
    if not any(subjects):
        return ()
    facts = [leaf.fact() for leaf in leaves]
    kind = ""
    for leaf, fact in zip(leaves, facts, strict=True):
        if fact.type == VOID:
            rows.voided(fact, _target(fact, facts))
        else:
            kind, names = _SUBJECTS[fact.type]
            streams.demand(leaf, kind, "/".join([fact.data[name] for name in names]))
    return recount(kind, facts)


def _target(void: Fact, facts: list[Fact]) -> Fact:
    """Raises Unreadable for a void away from its target: it would change nothing here."""
    target = (void.data.get("target_source", void.source), void.data["target"])
    for fact in facts:
        if (fact.source, fact.id) == target:
            return fact
    raise Unreadable(f"the void at position {void.position} is of no fact of its stream")


class _Streams:
    """The streams of a ledger: each subject has its own, whose id follows from its name."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._space = uuid5(NAMESPACE_URL, origin).bytes

    def demand(self, leaf: _Leaf, kind: str, key: str) -> None:
        """Raises Unreadable for a fact that is not in its subject's stream. So the facts of a
        stream are those of a subject, and a subject's facts are in one stream."""
        name = f"{kind}/{key}".encode()
        h = sha1(self._space + name, usedforsecurity=False).hexdigest()
        expected = f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"
        if leaf.stream != expected:
            raise Unreadable(
                f"the fact at position {leaf.position} is not of the ledger {self._origin}"
            )


class _Rows(ExitStack):
    """Rows on their way into the tables, by way of files, which DuckDB reads far faster than it
    binds."""

    def __init__(self, scratch: Path) -> None:
        super().__init__()
        self._names = {table: tuple(columns(table)) for table in TABLES}
        self._paths = {name: scratch / f"{name}.ndjson" for name in (*TABLES, ATTENDED)}
        self._paths |= {name: scratch / name for name in (LEAVES, VOIDED)}
        self._files: dict[str, IO[bytes]] = {
            name: self.enter_context(path.open("wb")) for name, path in self._paths.items()
        }

    def leaves(self, leaves: Iterable[bytes]) -> None:
        """Take leaves that the reducer is given, each with its newline."""
        self._files[LEAVES].writelines(leaves)

    def voided(self, void: Fact, target: Fact) -> None:
        """Take what a void is of."""
        named: dict[str, Any] = {"void": void.position, "target": target.position}
        named |= {"type": target.type, "data": target.data}
        self._files[VOIDED].write(orjson.dumps(named, option=orjson.OPT_APPEND_NEWLINE))

    def attended(self, rows: list[_Attended]) -> None:
        """Take plain rows of attendances."""
        self._files[ATTENDED].write(_encode_lines(rows))

    def known(self, rows: Iterable[Known]) -> None:
        """Take rows of the reducer."""
        for (table, values), known_from, known_to in rows:
            cells = zip(self._names[table], (*values, known_from, known_to), strict=True)
            self._files[table].write(orjson.dumps(dict(cells), option=orjson.OPT_APPEND_NEWLINE))

    def load(self, db: Database) -> None:
        """Put all into the tables, once the files are closed."""
        for table in TABLES:
            self._take(db, f"INSERT INTO models.{table}", table, columns(table))
        self._take(db, f"CREATE TABLE {ATTENDED} AS", ATTENDED, _SHAPE_OF_ATTENDED)
        db.rows(f"""INSERT INTO models.attendance
            SELECT activity, person, organisation, NOT recorded, recorded, known_from, {STILL}
            FROM {ATTENDED}""")  # noqa: S608 - words of this module

    def _take(self, db: Database, statement: str, name: str, shape: Mapping[str, str]) -> None:
        db.rows(f"{statement} FROM {rows_in(self._paths[name], shape)}")
        self._paths[name].unlink()


def read_lines(file: IO[bytes]) -> Generator[bytes, None, None]:
    """The lines of a file with their newlines; one without was cut, or is too long."""
    buffered = BufferedReader(file, READ_BYTES)  # type: ignore[type-var]  # reads by readinto alone
    try:
        yield from iter(partial(buffered.readline, LINE_BYTES_MAX), b"")
    finally:
        buffered.detach()  # else it closes the file, which is not ours
