"""Changes into tables: closes by one UPDATE a table, opens by binary COPY."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psycopg import Cursor, sql

from projections.copying import blocks, rows_packer
from projections.folding import Changes
from projections.models import TABLES
from projections.models.base import OPEN, Row, Table
from projections.models.trail import TRAIL, name_id


class Writer:
    """Writes changes into the tables of one schema."""

    def __init__(self, curs: Cursor[Any], schema: str) -> None:
        self._schema = schema
        self._types = {table.name: _column_types(curs, schema, table) for table in TABLES}
        self._pack = {
            table.name: rows_packer([self._types[table.name][c] for c in table.columns])
            for table in TABLES
        }
        self._close = {table.name: self._closing(table) for table in TABLES}

    def write(self, curs: Cursor[Any], changes: Changes) -> None:
        """Closes first, so that an exclusion constraint never sees the old row beside the new. New
        rows in the order of their keys: neighbours find their places in the same pages.
        """
        for table in TABLES:
            self._close_rows(curs, table, changes.closes.get(table.name, ()))
        for table in TABLES:
            rows: Sequence[Row] = (
                changes.trail if table is TRAIL else changes.opens.get(table.name, ())
            )
            packed = [*changes.packed.get(table.name, ()), *self._pack[table.name](rows)]
            if packed:
                self._copy(curs, table.name, table.columns, sorted(packed))
        self.name(curs, changes.names)

    def name(self, curs: Cursor[Any], names: Iterable[str]) -> None:
        """The texts of ids in the trail, those that are not there yet."""
        ordered = sorted(names)
        curs.execute(
            sql.SQL(
                "INSERT INTO {}.trail_name SELECT * FROM unnest(%s::bigint[], %s::text[])"
                " ON CONFLICT (name) DO NOTHING"
            ).format(sql.Identifier(self._schema)),
            ([name_id(name) for name in ordered], ordered),
        )

    def copy(
        self, curs: Cursor[Any], name: str, columns: Mapping[str, str], rows: Iterable[Row]
    ) -> None:
        """Rows into another table of the schema, whose columns have these types."""
        self._copy(curs, name, columns, rows_packer([*columns.values()])(rows))

    def _copy(
        self,
        curs: Cursor[Any],
        name: str,
        columns: Iterable[str],
        packed: Iterable[bytes],
    ) -> None:
        statement = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT BINARY)").format(
            sql.Identifier(self._schema, name),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
        )
        with curs.copy(statement) as copy:
            for block in blocks(packed):
                copy.write(block)

    def _close_rows(self, curs: Cursor[Any], table: Table, closes: Sequence[Row]) -> None:
        if not closes:
            return
        curs.execute(
            self._close[table.name], [list(column) for column in zip(*closes, strict=True)]
        )
        if curs.rowcount != len(closes):
            raise Damaged(table.name, len(closes), curs.rowcount)

    def _closing(self, table: Table) -> sql.Composed:
        types = self._types[table.name]
        return sql.SQL(
            "UPDATE {table} AS t SET known_to = c.known_to FROM unnest({arrays}) AS c ({names})"
            " WHERE {same} AND t.known_to = {open}"
        ).format(
            table=sql.Identifier(self._schema, table.name),
            arrays=sql.SQL(", ").join(
                sql.SQL("%s::" + name + "[]") for name in (*(types[c] for c in table.key), "bigint")
            ),
            names=sql.SQL(", ").join(map(sql.Identifier, (*table.key, "known_to"))),
            same=sql.SQL(" AND ").join(
                sql.SQL("t.{0} = c.{0}").format(sql.Identifier(column)) for column in table.key
            ),
            open=sql.Literal(OPEN),
        )


class Damaged(Exception):
    """The table {0} lacks rows that stood: {1} were to be closed, {2} were found."""

    def __init__(self, table: str, wanted: int, found: int) -> None:
        super().__init__((type(self).__doc__ or "").format(table, wanted, found))


def _column_types(curs: Cursor[Any], schema: str, table: Table) -> Mapping[str, str]:
    curs.execute(
        "SELECT attname, format_type(atttypid, NULL) FROM pg_attribute"
        " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped",
        (f"{schema}.{table.name}",),
    )
    return dict(curs.fetchall())
