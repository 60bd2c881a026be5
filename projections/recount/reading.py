"""`facts.ndjson` into DuckDB: every fact once, found again by the subject it is about.

DuckDB reads the file and spills to disk what does not fit, so that memory does not grow with the
ledger. Nine facts of ten are one person's only fact at an activity; what these amount to is plain
(`_the_plain_ones`). All others go through the reducer, subject by subject.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from glob import escape
from itertools import groupby
from pathlib import Path
from typing import IO, Any, Final
from uuid import NAMESPACE_URL, uuid5

import duckdb
import orjson

from projections.recount.reducer import FOLDS, STILL, TYPES, Fact, Known, recount
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
    "period": ("period", ("period_from", "period_to")),
    "report": ("report", ("report",)),
    "code_list": ("code_list", ("scheme",)),
    "log": ("log", ()),
}
"""By the first word of a fact's type: the kind of its subject, and what names the subject."""

VOID: Final = "fact.voided.v1"
PAGE: Final = 20_000
_LEAF: Final = (
    "position: 'BIGINT', stream: 'UUID', source: 'VARCHAR', id: 'VARCHAR', type: 'VARCHAR',"
    " data: 'JSON'"
)


class Unreadable(Exception):
    """The facts cannot be recounted: {why}."""

    def __init__(self, why: object) -> None:
        super().__init__((type(self).__doc__ or "").format(why=why))


def load(db: duckdb.DuckDBPyConnection, path: Path, scratch: Path, *, origin: str) -> int:
    """Fill the tables `models.*` from a file of leaves; the last position.

    Raises OSError where there is no file, Unreadable.


    `scratch` is a folder for what stands between the reducer and the tables.
    """
    path.stat()
    try:
        _stage(db, path)
        head = _checked(db, origin)
        db.execute("CREATE SCHEMA models")
        for table in TABLES:
            shape = ", ".join(f"{name} {type}" for name, type in columns(table).items())
            db.execute(f"CREATE TABLE models.{table} ({shape})")
        _the_plain_ones(db)
        _fill(db, scratch, _reduced(db))
        db.execute("DROP TABLE fact; DROP TABLE alone")
    except (duckdb.Error, LookupError, TypeError, ValueError) as error:
        sentence, *_ = str(error).splitlines() or [""]
        raise Unreadable(f"{type(error).__name__}: {sentence}") from error
    return head


def _stage(db: duckdb.DuckDBPyConnection, path: Path) -> None:
    """`fact`: the lines of the file, with kind and key of what each is about. A void is about what
    its target is about."""
    kinds, keys = [], []
    for word, (kind, names) in KEYS.items():
        parts = ", ".join(f"data ->> '{name}'" for name in names) or "''"
        kinds.append(f"WHEN '{word}' THEN '{kind}'")
        keys.append(f"WHEN '{word}' THEN concat_ws('/', {parts})")
    db.execute(
        f"""CREATE TEMP TABLE fact AS
        SELECT position, stream, source, id, type, data,
            CASE split_part(type, '.', 1) {" ".join(kinds)} END AS kind,
            CASE split_part(type, '.', 1) {" ".join(keys)} END AS key
        FROM read_ndjson(?, columns = {{{_LEAF}}})""",  # noqa: S608 - words of this module
        [escape(str(path))],
    )
    db.execute(
        f"""UPDATE fact SET kind = target.kind, key = target.key
        FROM (
            SELECT void.position, named.kind, named.key
            FROM fact AS void
            JOIN fact AS named ON named.id = void.data ->> 'target'
                AND named.source = coalesce(void.data ->> 'target_source', void.source)
            WHERE void.type = '{VOID}'
        ) AS target
        WHERE fact.position = target.position"""  # noqa: S608 - a word of this module
    )


def _checked(db: duckdb.DuckDBPyConnection, origin: str) -> int:
    """The last position. Raises Unreadable where a fact is missing, unknown or of other origin."""
    head = db.execute(
        "SELECT count(*), count(DISTINCT position), coalesce(max(position), 0) FROM fact"
    ).fetchone()
    assert head is not None
    count, distinct, last = head
    if not count == distinct == last:
        raise Unreadable(f"{count} lines with {distinct} positions go up to position {last}")
    stray = db.execute(
        "SELECT position, type FROM fact WHERE kind IS NULL OR type NOT IN (SELECT unnest(?))"
        " ORDER BY position LIMIT 1",
        [sorted(TYPES)],
    ).fetchone()
    if stray is not None:
        raise Unreadable(f"nothing is known of {stray[1]} at position {stray[0]}")
    first = db.execute(
        "SELECT position, kind, key, stream FROM fact WHERE kind IN (SELECT unnest(?))"
        " ORDER BY position LIMIT 1",
        [sorted(FOLDS)],
    ).fetchone()
    if first is not None:
        position, kind, key, stream = first
        if uuid5(uuid5(NAMESPACE_URL, origin), f"{kind}/{key}") != stream:
            raise Unreadable(f"the fact at position {position} is not of the ledger {origin}")
    return int(last)


def _the_plain_ones(db: duckdb.DuckDBPyConnection) -> None:
    """Who was registered or recorded at an activity, where this is all that was ever said."""
    db.execute(
        """CREATE TEMP TABLE alone AS
        SELECT max(position) AS position
        FROM fact
        WHERE kind = 'attendance'
        GROUP BY key
        HAVING count(*) = 1
            AND max(type) IN ('attendance.registered.v1', 'attendance.recorded.v1')"""
    )
    db.execute(
        f"""INSERT INTO models.attendance
        SELECT named[1], named[2], named[3], type = 'attendance.registered.v1',
            type = 'attendance.recorded.v1', position, {STILL}
        FROM (
            SELECT position, type, json_extract_string(
                data, ['activity_id', 'person_ref', 'organisation_id']) AS named
            FROM fact SEMI JOIN alone USING (position)
        ) AS attended"""  # noqa: S608 - a number of this module
    )


def _reduced(db: duckdb.DuckDBPyConnection) -> Iterator[Known]:
    """What the reducer makes of all other facts."""
    cursor = db.execute(
        """SELECT kind, key, position, type, source, id, data
        FROM fact ANTI JOIN alone USING (position)
        WHERE kind IN (SELECT unnest(?))
        ORDER BY kind, key, position""",
        [sorted(FOLDS)],
    )
    for (kind, _), lines in groupby(_fetched(cursor), key=lambda line: line[:2]):
        facts = [
            Fact(position, type, source, id, orjson.loads(data))
            for _, _, position, type, source, id, data in lines
        ]
        yield from recount(kind, facts)


def _fetched(cursor: duckdb.DuckDBPyConnection) -> Iterator[tuple[Any, ...]]:
    while page := cursor.fetchmany(PAGE):
        yield from page


def _fill(db: duckdb.DuckDBPyConnection, scratch: Path, rows: Iterable[Known]) -> None:
    """Rows into their tables, by way of files, which DuckDB reads far faster than it binds."""
    names = {table: tuple(columns(table)) for table in TABLES}
    with ExitStack() as stack:
        files: dict[str, IO[bytes]] = {
            table: stack.enter_context((scratch / f"{table}.ndjson").open("wb")) for table in TABLES
        }
        for (table, values), known_from, known_to in rows:
            cells = zip(names[table], (*values, known_from, known_to), strict=True)
            files[table].write(orjson.dumps(dict(cells), option=orjson.OPT_APPEND_NEWLINE))
    for table in TABLES:
        shape = ", ".join(f"{name}: '{type}'" for name, type in columns(table).items())
        path = scratch / f"{table}.ndjson"
        source = f"read_ndjson(?, columns = {{{shape}}})"
        db.execute(f"INSERT INTO models.{table} FROM {source}", [escape(str(path))])
        path.unlink()
