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
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import date
from functools import cache, lru_cache
from hashlib import sha256
from itertools import chain
from threading import Lock
from typing import Any, Final, NamedTuple

import msgspec
import psycopg

from projections.figures.catalogue import NUMBERS, ONCE, Definition, fragment, needs
from projections.figures.engines import Engine, PostgresEngine

Rows = list[tuple[Any, ...]]

ANSWERS_MAX: Final = 10_000
"""A whole report has a hundred; some kilobytes each."""

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
    """SHA-256 of a statement with its parameters: 32 bytes."""
    return sha256(msgspec.json.encode((sql, parameters), order="sorted")).digest()


class Answers:
    """Rows of statements by key, at most so many statements; the oldest go first. Any thread.

    They can be kept as long as one likes: a statement names its definition's text and its position,
    below which nothing changes.
    """

    def __init__(self, most: int = ANSWERS_MAX) -> None:
        self._most = most
        self._kept: OrderedDict[bytes, Rows] = OrderedDict()
        self._lock = Lock()

    def get(self, key: bytes) -> Rows | None:
        """The rows, if they are still kept."""
        return self._kept.get(key)

    def keep(self, found: Mapping[bytes, Rows]) -> None:
        """Keep more of them."""
        with self._lock:
            self._kept.update(found)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)


class Remembering:
    """An engine that remembers: at one position the answer to the same statement is the same."""

    def __init__(self, engine: Engine, answers: Answers | None = None) -> None:
        self._engine = engine
        self.answers = answers or Answers()

    @property
    def origin(self) -> str:
        """The engine's."""
        return self._engine.origin

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Rows:
        """The rows of one statement."""
        key = key_of(sql, parameters)
        found = self.answers.get(key)
        if found is None:
            found = self._engine.rows(sql, parameters)
            self.answers.keep({key: found})
        return found


class Together(Remembering):
    """PostgreSQL, remembering; what is announced is asked together. With `answers` of others, it
    takes what they and the runner (projections/warming.py) counted before."""

    def __init__(self, conn: psycopg.Connection[Any], answers: Answers | None = None) -> None:
        super().__init__(PostgresEngine(conn), answers)
        self.conn = conn
        self._shares = answers is not None

    def announce(self, statements: Iterable[Statement]) -> None:
        """Have the rows of many statements before they are asked for one by one."""
        missing = self._missing({one.key: one for one in statements})
        if missing and self._shares:
            self.answers.keep(warmed(self.conn, list(missing)))
            missing = self._missing(missing)
        for asked in _asked_together(missing.values()):
            self.answers.keep(asked.answers(self._engine))

    def _missing(self, statements: Mapping[bytes, Statement]) -> dict[bytes, Statement]:
        return {key: one for key, one in statements.items() if self.answers.get(key) is None}


def warmed(conn: psycopg.Connection[Any], keys: Sequence[bytes]) -> dict[bytes, Rows]:
    """What the runner counted beforehand, by key. Read models of older code hold nothing."""
    with suppress(psycopg.errors.UndefinedTable):
        found = conn.execute("SELECT key, rows FROM models.answer WHERE key = ANY(%s)", (keys,))
        return {bytes(key): [tuple(row) for row in rows] for key, rows in found}
    return {}


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

    def answers(self, engine: Engine) -> dict[bytes, Rows]:
        """The rows of each single statement, by its key."""
        if len(self.wanted) == 1 and all(len(one) == 1 for one in self.wanted.values()):
            ((statement,),) = self.wanted.values()
            return {statement.key: engine.rows(statement.definition.sql, statement.parameters)}
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
        for part, bucket, *row in engine.rows(sql, parameters):
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
