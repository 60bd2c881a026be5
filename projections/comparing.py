"""Two schemas of read models, row by row."""

from typing import Any, Final, NamedTuple

from psycopg import Connection, sql

from projections.models import TABLES
from projections.models.attendances import ATTENDANCE
from projections.models.base import OPEN, Table
from projections.models.trail import TRAIL


class Difference(NamedTuple):
    """The first row, by its key, in which a table differs; None: there is no such row."""

    table: str
    rows: int
    """How many rows differ."""
    live: str | None
    rebuilt: str | None

    def __str__(self) -> str:
        return (
            f"{self.table}: {self.rows} rows differ, first {self.live} is rebuilt as {self.rebuilt}"
        )


class _Pair(NamedTuple):
    """A table in both schemas. `then` are the rebuilt rows as they were at a position: rows are a
    pure function of the facts up to it, so a schema that is further knows them.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[str, ...]
    then: str


def _bitemporal(table: Table) -> _Pair:
    fields = ", ".join((*table.fields, "known_from"))
    then = f"""
        SELECT {fields}, CASE WHEN known_to > {{position}} THEN {OPEN} ELSE known_to END AS known_to
        FROM {{schema}}.{table.name} WHERE known_from <= {{position}}
    """  # noqa: S608 - constants
    return _Pair(table.name, (*table.key, "known_from"), table.columns, then)


_TRAIL: Final = _Pair(
    "trail", TRAIL.key, TRAIL.columns, "SELECT * FROM {schema}.trail WHERE position <= {position}"
)
_NAMES: Final = _Pair(
    "trail_name",
    ("id",),
    ("name",),
    "SELECT * FROM {schema}.trail_name WHERE id IN (SELECT unnest(ARRAY[topic, actor, scope])"
    " FROM (SELECT DISTINCT topic, actor, scope FROM {schema}.trail WHERE position <= {position})"
    " AS fact)",
)
_PAIRS: Final = (
    _bitemporal(ATTENDANCE),
    _TRAIL,
    _NAMES,
    *(_bitemporal(table) for table in TABLES if table not in {ATTENDANCE, TRAIL}),
)
"""The largest first: their indexes may be made meanwhile, but no constraints."""


def _compare_pair(
    conn: Connection[Any], live: str, rebuilt: str, position: int, pair: _Pair
) -> Difference | None:
    """Exact, one pass: rows are joined by their key and compared column by column."""
    key = sql.SQL(", ").join(map(sql.Identifier, pair.key))
    differing = sql.SQL(
        "FROM {live} AS a FULL JOIN ({then}) AS b USING ({key}) WHERE ({a}) IS DISTINCT FROM ({b})"
    ).format(
        live=sql.Identifier(live, pair.name),
        then=sql.SQL(pair.then).format(
            schema=sql.Identifier(rebuilt), position=sql.Literal(position)
        ),
        key=key,
        a=sql.SQL(", ").join(sql.Identifier("a", column) for column in pair.columns),
        b=sql.SQL(", ").join(sql.Identifier("b", column) for column in pair.columns),
    )
    row = conn.execute(sql.SQL("SELECT count(*) {}").format(differing)).fetchone()
    assert row is not None
    if not row[0]:
        return None
    count = int(row[0])
    row = conn.execute(
        sql.SQL(
            "SELECT row_to_json(a)::text, row_to_json(b)::text {differing} ORDER BY {key} LIMIT 1"
        ).format(differing=differing, key=key)
    ).fetchone()
    assert row is not None
    return Difference(pair.name, count, row[0], row[1])


def compare(conn: Connection[Any], live: str, rebuilt: str) -> list[Difference]:
    """Every table that differs, with its first row. On a connection with tuple rows and a snapshot
    in which the rebuilt schema is at least as far as the live one.
    """
    conn.execute("SET LOCAL work_mem = '128MB'")
    conn.execute("SET LOCAL search_path = pg_catalog, public")
    row = conn.execute(
        sql.SQL("SELECT notification_id FROM {}.tracking").format(sql.Identifier(live))
    ).fetchone()
    assert row is not None
    found = (_compare_pair(conn, live, rebuilt, row[0], pair) for pair in _PAIRS)
    return [difference for difference in found if difference is not None]
