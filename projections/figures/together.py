"""Many questions asked as one statement: what several definitions need is found once.

A definition's SQL is the fragments it needs and its own text (catalogue.py). Asked together, the
same fragments and texts stand in one statement, each fragment once: the attendances of twenty years
are read once for all figures that count them. Nothing is counted in another way, so every cell is
the same number as when it is asked alone; tests and the second engine, which asks one question
after the other, hold that.

A fragment of all parts may need one that differs from part to part (`steady`): that one stands once
without a class, and again in each group, where it hides the first.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping, Sequence
from datetime import date
from functools import cache, lru_cache
from itertools import chain
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from projections.figures.catalogue import NUMBERS, ONCE, Definition, fragment, needs
from projections.figures.engines import Engine, PostgresEngine

Rows = list[tuple[Any, ...]]
Ask = Callable[[str, Mapping[str, Any]], Rows]

_OWN: Final = ("dimension", "of")
"""The parameters in which questions of one statement may differ."""
_OWN_IN_TEXT: Final = re.compile(r"%\((dimension|of)\)s")
_WITHOUT_CLASS: Final = frozenset({"steady"})
"""Fragments that ask of a class when it began and not which one it is: they are the same for every
dimension, though they need one that is not."""
_COLUMNS: Final = max(map(len, NUMBERS.values()))


class Statement(NamedTuple):
    """A definition's SQL with its parameters."""

    definition: Definition
    parameters: Mapping[str, Any]

    @property
    def key(self) -> bytes:
        """What tells it from others, in one ledger."""
        return key_of(self.definition.sql, self.parameters)


def key_of(sql: str, parameters: Mapping[str, Any]) -> bytes:
    """The same for the same statement."""
    return msgspec.json.encode((sql, parameters), order="sorted")


class Remembering:
    """An engine that remembers: at one position the answer to the same statement is the same."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._answers: dict[bytes, Rows] = {}

    @property
    def origin(self) -> str:
        """The engine's."""
        return self._engine.origin

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Rows:
        """The rows of one statement."""
        return _remembered(self._answers, self._engine.rows, sql, parameters)


class Together(PostgresEngine):
    """PostgreSQL, remembering too; and what is announced is asked together."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        super().__init__(conn)
        self._answers: dict[bytes, Rows] = {}

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Rows:
        """The rows of one statement."""
        return _remembered(self._answers, super().rows, sql, parameters)

    def announce(self, statements: Iterable[Statement]) -> None:
        """Ask for the rows of many statements, so that they are there when asked for one by one."""
        missing = {one.key: one for one in statements if one.key not in self._answers}
        for asked in _asked_together(missing.values()):
            self._answers.update(asked.answers(super().rows))


def _remembered(
    answers: MutableMapping[bytes, Rows], ask: Ask, sql: str, parameters: Mapping[str, Any]
) -> Rows:
    key = key_of(sql, parameters)
    found = answers.get(key)
    if found is None:
        found = answers[key] = ask(sql, parameters)
    return found


class _Part(NamedTuple):
    """One definition under one dimension, for all stretches of days that are wanted of it."""

    definition: Definition
    dimension: str
    of: str


class _Asked(NamedTuple):
    """Parts that differ in their own parameters alone: one statement. `stretches` are the days of
    its buckets, in order; `wanted` are the single statements, by part."""

    common: Mapping[str, Any]
    stretches: tuple[tuple[date, date], ...]
    wanted: Mapping[_Part, Sequence[Statement]]

    def answers(self, ask: Ask) -> dict[bytes, Rows]:
        """The rows of each single statement, by its key."""
        if len(self.wanted) == 1 and all(len(one) == 1 for one in self.wanted.values()):
            ((statement,),) = self.wanted.values()
            return {statement.key: ask(statement.definition.sql, statement.parameters)}
        parts = tuple(self.wanted)
        sql, owns = joined(parts)
        first_days, last_days = zip(*self.stretches, strict=True)
        parameters = {
            **self.common,
            **owns,
            "bucket": list(range(len(self.stretches))),
            "first_day": list(first_days),
            "last_day": list(last_days),
        }
        found: defaultdict[tuple[int, int], Rows] = defaultdict(list)
        for part, bucket, *row in ask(sql, parameters):
            numbers = len(NUMBERS[parts[part].definition.measure])
            found[part, bucket].append(tuple(row[: 1 + numbers]))
        return {
            statement.key: list(self._of(statement, part, found))
            for part, one in enumerate(parts)
            for statement in self.wanted[one]
        }

    def _of(
        self, statement: Statement, part: int, found: Mapping[tuple[int, int], Rows]
    ) -> Iterator[tuple[Any, ...]]:
        for number, days in _buckets(statement.parameters):
            for row in found.get((part, self.stretches.index(days)), ()):
                yield number, *row


def _buckets(parameters: Mapping[str, Any]) -> list[tuple[int, tuple[date, date]]]:
    days = zip(parameters["first_day"], parameters["last_day"], strict=True)
    return list(zip(parameters["bucket"], days, strict=True))


def _asked_together(statements: Iterable[Statement]) -> Iterator[_Asked]:
    """First the stretches of days that one part is asked for, then the parts of the same days."""
    by_part: defaultdict[tuple[bytes, _Part], list[Statement]] = defaultdict(list)
    common: dict[bytes, dict[str, Any]] = {}
    for statement in statements:
        given = statement.parameters
        shared = {name: given[name] for name in ("known_at", "view", "cluster")}
        key = msgspec.json.encode(shared, order="sorted")
        common[key] = shared
        part = _Part(statement.definition, given["dimension"], given["of"])
        by_part[key, part].append(statement)
    together: defaultdict[tuple[bytes, tuple[tuple[date, date], ...]], dict[_Part, Any]]
    together = defaultdict(dict)
    for (key, part), wanted in by_part.items():
        days = {days for one in wanted for _, days in _buckets(one.parameters)}
        together[key, tuple(sorted(days))][part] = wanted
    for (key, stretches), parts in together.items():
        yield _Asked(common[key], stretches, parts)


@lru_cache(maxsize=64)
def joined(parts: tuple[_Part, ...]) -> tuple[str, dict[str, str]]:
    """One statement for all parts, and the values of their own parameters. Its rows: the number of
    the part, bucket, key, and as many numbers as the widest measure has.

    What depends on no own parameter comes first; below it, what depends on those that parts have in
    common; then the texts. PostgreSQL keeps what is asked for more than once without being told.
    """
    owns: dict[str, str] = {"no_dimension": "", "no_of": ""}
    wanted = _ordered(name for part in parts for name in needs(part.definition.text))
    outer = _ordered(name for name in wanted if not _depends(name))
    groups: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for number, part in enumerate(parts):
        groups[part.dimension, part.of].append(number)
    selects = []
    for turn, (own, numbers) in enumerate(groups.items()):
        owns |= {f"{name}_{turn}": value for name, value in zip(_OWN, own, strict=True)}
        wanted = _ordered(name for n in numbers for name in needs(parts[n].definition.text))
        inner = _with([name for name in wanted if _depends(name)], f"{turn}")
        texts = "\nUNION ALL\n".join(
            _select(n, parts[n].definition, f"{turn}", f"part_{n}") for n in numbers
        )
        selects.append(f"SELECT * FROM (\n{inner}{texts}) AS group_{turn}")  # noqa: S608 - texts of the catalogue
    text = _with(outer, "", recursive=True) + "\nUNION ALL\n".join(selects)
    return text, owns


def _with(names: Sequence[str], turn: str, *, recursive: bool = False) -> str:
    if not names:
        return ""
    parts = ",\n".join(
        f"{name} AS {'MATERIALIZED ' if ONCE in fragment(name) else ''}(\n"
        f"{_own(fragment(name), turn)})"
        for name in names
    )
    return f"WITH {'RECURSIVE ' if recursive else ''}{parts}\n"


def _select(number: int, definition: Definition, turn: str, alias: str) -> str:
    names = NUMBERS[definition.measure]
    missing = [f"CAST(NULL AS bigint) AS missing_{n}" for n in range(_COLUMNS - len(names))]
    columns = ", ".join((f"{number} AS part", "bucket", "key", *names, *missing))
    return f"SELECT {columns} FROM (\n{_own(definition.text, turn)}) AS {alias}"  # noqa: S608 - as above


def _own(text: str, turn: str) -> str:
    """The text with its own parameters under the names of a turn, or without values."""
    return _OWN_IN_TEXT.sub(lambda m: f"%({m[1]}_{turn})s" if turn else f"%(no_{m[1]})s", text)


def _ordered(names: Iterable[str]) -> list[str]:
    """The fragments and what they need, each before those that need it."""
    found: dict[str, None] = {}
    for name in names:
        found |= dict.fromkeys(chain(_ordered(needs(fragment(name))), [name]))
    return list(found)


@cache
def _depends(name: str) -> bool:
    """Whether a fragment is another one under another own parameter."""
    text = fragment(name)
    if _OWN_IN_TEXT.search(text):
        return True
    return name not in _WITHOUT_CLASS and any(map(_depends, needs(text)))
