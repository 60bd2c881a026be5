"""A figure's SQL in DuckDB: each fragment of it is found once, for whichever questions need it.

It is the very text that PostgreSQL runs: what both understand alike is all that is written.
Questions are asked one after the other, each by the text of its own definition. What one has found
for a fragment stays, as a table, for those that need the same fragment of the same parameters.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Hashable, Mapping
from functools import lru_cache
from itertools import count
from typing import Any, Final, NamedTuple

import duckdb

from projections.recount.database import Database

KEPT_MAX: Final = 64
"""Tables. A report of all figures needs some 120, few of them for long; small ones stay in memory,
where nothing can send them to disk."""

_WITHOUT_CLASS: Final = frozenset({"steady"})
"""Fragments that ask of a class when it began, and not which one it is. They are found once for all
dimensions, and so is what needs them."""
_NO_CLASS: Final = {"dimension": "", "of": ""}

Rows = list[tuple[Any, ...]]

_BEGINNING: Final = "WITH RECURSIVE\n"
_FRAGMENT: Final = re.compile(
    r"^(\w+) AS (?:NOT )?MATERIALIZED \(\n(.*?)^\)(?:,\n|\n)", re.DOTALL | re.MULTILINE
)


def parts_of(sql: str) -> tuple[dict[str, str], str]:
    """The common table expressions that a figure's SQL begins with, by name, and what asks them. Of
    any other statement, none and all of it."""
    fragments: dict[str, str] = {}
    end = len(_BEGINNING) if sql.startswith(_BEGINNING) else 0
    while end and (found := _FRAGMENT.match(sql, end)):
        fragments[found[1]], end = found[2], found.end()
    return fragments, sql[end:]


class Statement(NamedTuple):
    """A statement as DuckDB takes it, the names of its parameters and of the tables it asks."""

    text: str
    named: tuple[str, ...]
    tables: frozenset[str]

    def of(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Its own of all parameters."""
        return {name: parameters[name] for name in self.named}


_PARAMETER: Final = re.compile(r"%\((\w+)\)s")
_TABLE: Final = re.compile(r"\b(?:FROM|JOIN) (\w+)\b(?!\.)")
"""That of no schema: a fragment."""


@lru_cache(maxsize=512)
def statement(sql: str) -> Statement:
    """Of a text with %(name)s parameters, which are all that DuckDB writes in another way."""
    named = sorted(set(_PARAMETER.findall(sql)))
    return Statement(_PARAMETER.sub(r"$\1", sql), tuple(named), frozenset(_TABLE.findall(sql)))


class Fragments:
    """The tables that fragments were found as; those not asked for longest go first."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._kept: OrderedDict[Hashable, str] = OrderedDict()
        self._numbers = count(1)

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Rows:
        """The rows of one statement. Many stretches of days that would need more memory are asked
        for in two halves: a figure of one depends on no other."""
        halves = _halves(parameters)
        try:
            return self._rows(sql, parameters, grow=not halves)
        except duckdb.OutOfMemoryException:
            if not halves:
                raise
            return [row for half in halves for row in self.rows(sql, half)]

    def _rows(self, sql: str, parameters: Mapping[str, Any], *, grow: bool) -> Rows:
        fragments, text = parts_of(sql)
        kept: dict[str, str] = {}
        for name, fragment in fragments.items():
            given, needed = parameters, kept
            if name in _WITHOUT_CLASS:
                given = {**parameters, **_NO_CLASS}
                needed = {
                    need: self._table(need, fragments[need], given, kept, grow=grow)
                    for need in _asked(statement(fragment), kept)
                }
            kept[name] = self._table(name, fragment, given, needed, grow=grow)
        asked = statement(text)
        with_kept = _with(_asked(asked, kept)) + asked.text
        rows = self._db.rows(with_kept, asked.of(parameters), grow=grow)
        self._forget()
        return rows

    def _table(
        self,
        name: str,
        fragment: str,
        parameters: Mapping[str, Any],
        kept: Mapping[str, str],
        *,
        grow: bool,
    ) -> str:
        """The table of a fragment, which may need those before it."""
        found = statement(fragment)
        given = found.of(parameters)
        needed = _asked(found, kept)
        key = (fragment, repr(given), *needed.values())
        if key not in self._kept:
            table = f"{name}_{next(self._numbers)}"
            itself = _with({**needed, name: f"({found.text})"})  # it may be recursive
            made = f"CREATE TABLE {table} AS {itself}FROM {name}"
            self._db.rows(made, given, grow=grow)
            self._kept[key] = table
        self._kept.move_to_end(key)
        return self._kept[key]

    def _forget(self) -> None:
        while len(self._kept) > KEPT_MAX:
            _, table = self._kept.popitem(last=False)
            self._db.rows(f"DROP TABLE {table}")


def _halves(parameters: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The parameters for one half of the stretches of days and for the other; none for one."""
    middle = len(parameters.get("bucket", ())) // 2
    if not middle:
        return []
    by_stretch = {name: parameters[name] for name in ("bucket", "first_day", "last_day")}
    return [
        {**parameters, **{name: days[half] for name, days in by_stretch.items()}}
        for half in (slice(middle), slice(middle, None))
    ]


def _asked(asking: Statement, kept: Mapping[str, str]) -> dict[str, str]:
    """Tables by the names of their fragments; what is there need not be found once more."""
    tables = {name: table for name, table in kept.items() if name in asking.tables}
    return {name: f"NOT MATERIALIZED (FROM {table})" for name, table in tables.items()}


def _with(queries: Mapping[str, str]) -> str:
    parts = ", ".join(f"{name} AS {query}" for name, query in queries.items())
    return f"WITH RECURSIVE {parts} " if parts else ""
