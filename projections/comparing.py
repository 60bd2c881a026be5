"""Two schemas of read models, row by row."""

from typing import Any, NamedTuple

from psycopg import Connection, sql

from projections.models import TABLES
from projections.models.base import Table


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


def _compare_table(
    conn: Connection[Any], live: str, rebuilt: str, name: str, key: tuple[str, ...]
) -> Difference | None:
    """Exact, one pass: rows are joined by their key and compared as wholes."""
    names = {
        "live": sql.Identifier(live, name),
        "rebuilt": sql.Identifier(rebuilt, name),
        "key": sql.SQL(", ").join(map(sql.Identifier, key)),
    }
    differing = sql.SQL(
        "FROM {live} AS a FULL JOIN {rebuilt} AS b USING ({key}) WHERE a.* IS DISTINCT FROM b.*"
    ).format(**names)
    row = conn.execute(sql.SQL("SELECT count(*) {}").format(differing)).fetchone()
    assert row is not None
    if not row[0]:
        return None
    count = int(row[0])
    row = conn.execute(
        sql.SQL(
            "SELECT row_to_json(a)::text, row_to_json(b)::text {differing} ORDER BY {key} LIMIT 1"
        ).format(differing=differing, key=names["key"])
    ).fetchone()
    assert row is not None
    return Difference(name, count, row[0], row[1])


def _primary_key(table: Table) -> tuple[str, ...]:
    return (*table.key, *(c for c in table.columns if c == "known_from"))


def compare(conn: Connection[Any], live: str, rebuilt: str) -> list[Difference]:
    """Every table that differs, with its first row. On a connection with tuple rows and a snapshot
    in which both schemas are at one position.
    """
    conn.execute("SET LOCAL work_mem = '128MB'")
    conn.execute("SET LOCAL search_path = pg_catalog, public")
    tables = [(table.name, _primary_key(table)) for table in TABLES]
    found = (
        _compare_table(conn, live, rebuilt, name, key)
        for name, key in (*tables, ("trail_scope", ("scope",)))
    )
    return [difference for difference in found if difference is not None]
