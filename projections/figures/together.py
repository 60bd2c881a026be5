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
from collections import OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import date
from functools import partial
from hashlib import sha256
from itertools import chain
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from projections.figures.catalogue import NUMBERS, ONCE, Definition, needs
from projections.figures.engines import Engine, PostgresEngine, patiently

if TYPE_CHECKING:
    import psycopg

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


Tell = Callable[[int, int], None]
"""Is told how many of at most how many steps are done."""


def silent(done: int, of: int) -> None:
    """Tell nobody."""


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
        self.engine = engine
        self.answers = answers or Answers()

    @property
    def origin(self) -> str:
        """The engine's."""
        return self.engine.origin

    def rows(self, sql: str, parameters: Mapping[str, Any]) -> Rows:
        """The rows of one statement."""
        key = key_of(sql, parameters)
        found = self.answers.get(key)
        if found is None:
            found = self.engine.rows(sql, parameters)
            self.answers.keep({key: found})
        return found


class Together(Remembering):
    """PostgreSQL, remembering; what is announced is asked together. With `answers` of others, it
    takes what they and the runner (projections/warming.py) counted before."""

    def __init__(self, conn: psycopg.Connection[Any], answers: Answers | None = None) -> None:
        super().__init__(PostgresEngine(conn), answers)
        self.conn = conn
        self.tell: Tell = silent
        self.hurried = True
        """Whether a second connection may take its part. Not where pages have to be answered
        meanwhile: it takes the other core."""
        self._shares = answers is not None

    def announce(self, statements: Iterable[Statement]) -> None:
        """Have the rows of many statements before they are asked for one by one."""
        works = self._work(statements)
        for done, work in enumerate(works):
            self.tell(done, len(works))
            work(self.conn)

    def announce_all(self, statements: Iterable[Statement], *, beside: Iterable[Work] = ()) -> None:
        """Have them sooner, with whatever work there is beside: a second connection takes its part.

        Where no more connections are to be had, the first one does it all.
        """
        asked = self._work(statements)
        # What comes last should be short.
        works = deque([*asked[:-1], *beside, *asked[-1:]])
        every = len(works)

        def take(conn: psycopg.Connection[Any]) -> None:
            try:
                while (work := _next(works)) is not None:
                    self.tell(every - len(works) - 1, every)
                    work(conn)
            except BaseException:
                works.clear()  # the other one need not go on
                raise

        widely = self.hurried and len(works) > 1
        with ThreadPoolExecutor(1, "report") as other:
            second = other.submit(_on_another, self.conn, take) if widely else None
            take(self.conn)
            if second is not None:
                second.result()

    def _work(self, statements: Iterable[Statement]) -> list[Work]:
        """What has to be asked, the longest first: what answers most."""
        missing = self._missing({one.key: one for one in statements})
        if missing and self._shares:
            self.answers.keep(warmed(self.conn, list(missing)))
            missing = self._missing(missing)
        together = sorted(_asked_together(missing.values()), key=lambda one: -len(one.parts))
        return [partial(self._answer, asked) for asked in together]

    def _answer(self, asked: _Asked, conn: psycopg.Connection[Any]) -> None:
        with patiently(conn):
            self.answers.keep(asked.answers(PostgresEngine(conn, among_many=True)))

    def _missing(self, statements: Mapping[bytes, Statement]) -> dict[bytes, Statement]:
        return {key: one for key, one in statements.items() if self.answers.get(key) is None}


Work = Callable[["psycopg.Connection[Any]"], object]
"""Finds out something on whichever connection takes it up, and keeps it."""


def _next(works: deque[Work]) -> Work | None:
    with suppress(IndexError):
        return works.popleft()
    return None


def _on_another(conn: psycopg.Connection[Any], take: Work) -> None:
    """Work on a connection like this one, if the server has one left."""
    info = conn.info
    try:
        other = conn.connect(info.dsn, password=info.password, autocommit=True)
    except conn.OperationalError:
        return
    with other:
        take(other)


def warmed(conn: psycopg.Connection[Any], keys: Sequence[bytes]) -> dict[bytes, Rows]:
    """What the runner counted beforehand, by key. Read models of older code hold nothing."""
    from psycopg.errors import UndefinedTable  # noqa: PLC0415 - who recounts has no driver

    with suppress(UndefinedTable):
        found = conn.execute("SELECT key, rows FROM models.answer WHERE key = ANY(%s)", (keys,))
        return {bytes(key): [tuple(row) for row in rows] for key, rows in found}
    return {}


class _Part(NamedTuple):
    """One definition's SQL under one dimension."""

    sql: str
    dimension: str
    of: str


class _Wanted(NamedTuple):
    """A part's definition, and the single statements that it answers."""

    definition: Definition
    statements: list[Statement]


_Days = tuple[tuple[date, date], ...]


class _Asked(NamedTuple):
    """Parts that differ in their own parameters alone: one statement. `stretches` are the days of
    its buckets, in order; `fragments` are what its definitions need, by name."""

    common: Mapping[str, Any]
    stretches: _Days
    parts: dict[_Part, _Wanted]
    fragments: dict[str, str]

    def answers(self, engine: Engine) -> dict[bytes, Rows]:
        """The rows of each single statement, by its key."""
        wanted = list(self.parts.values())
        if len(wanted) == 1 and len(wanted[0].statements) == 1:
            (statement,) = wanted[0].statements
            return {statement.key: engine.rows(statement.definition.sql, statement.parameters)}
        sql, owns = self._joined()
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
            numbers = len(NUMBERS[wanted[part].definition.measure])
            found[part, bucket].append(tuple(row[: 1 + numbers]))
        return {
            statement.key: list(self._of(statement, part, found))
            for part, one in enumerate(wanted)
            for statement in one.statements
        }

    def _of(
        self, statement: Statement, part: int, found: Mapping[tuple[int, int], Rows]
    ) -> Iterator[tuple[Any, ...]]:
        for number, days in _buckets(statement.parameters):
            for row in found.get((part, self.stretches.index(days)), ()):
                yield number, *row

    def _joined(self) -> tuple[str, dict[str, str]]:
        """One statement for all parts, and the values of their own parameters. Its rows: the number
        of the part, bucket, key, and as many numbers as the widest measure has.

        What depends on no own parameter comes first; below it, what depends on those that parts
        have in common; then the texts. PostgreSQL keeps what is asked for more than once without
        being told.
        """
        owns = {"no_dimension": "", "no_of": ""}
        own = _depending(self.fragments)
        for_all = {name: text for name, text in self.fragments.items() if name not in own}
        # What they need besides is asked without a class.
        besides = set(chain.from_iterable(map(needs, for_all.values())))
        outer = {
            name: text
            for name, text in self.fragments.items()
            if name in for_all or name in besides
        }
        groups: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
        inner: defaultdict[tuple[str, str], dict[str, str]] = defaultdict(dict)
        for number, (part, (definition, _)) in enumerate(self.parts.items()):
            group = part.dimension, part.of
            groups[group].append(_select(number, definition))
            inner[group] |= {name: t for name, t in definition.needed.items() if name in own}
        selects = []
        for turn, (group, texts) in enumerate(groups.items()):
            owns |= {f"{name}_{turn}": value for name, value in zip(_OWN, group, strict=True)}
            text = _with(inner[group]) + "\nUNION ALL\n".join(texts)
            selects.append(f"SELECT * FROM (\n{_own(text, f'{turn}')}) AS group_{turn}")  # noqa: S608 - texts of the catalogue
        beginning = _own(_with(outer, recursive=True), "")
        return beginning + "\nUNION ALL\n".join(selects), owns


def _buckets(parameters: Mapping[str, Any]) -> list[tuple[int, tuple[date, date]]]:
    days = zip(parameters["first_day"], parameters["last_day"], strict=True)
    return list(zip(parameters["bucket"], days, strict=True))


def _asked_together(statements: Iterable[Statement]) -> Iterator[_Asked]:
    """Those of the same stretches of days. Years and the whole of them are two: rows counted under
    both at once are twice as many, and reading them again costs less. Definitions that mean
    different fragments by one name are not asked together."""
    common: dict[bytes, dict[str, Any]] = {}
    by_part: dict[tuple[bytes, _Days, _Part], _Wanted] = {}
    for statement in statements:
        given = statement.parameters
        shared = {name: given[name] for name in ("known_at", "view", "cluster")}
        key = msgspec.json.encode(shared, order="sorted")
        common[key] = shared
        stretches = tuple(sorted({days for _, days in _buckets(given)}))
        part = _Part(statement.definition.sql, given["dimension"], given["of"])
        wanted = by_part.setdefault((key, stretches, part), _Wanted(statement.definition, []))
        wanted.statements.append(statement)
    together: defaultdict[tuple[bytes, _Days], list[_Asked]] = defaultdict(list)
    for (key, stretches, part), wanted in by_part.items():
        fragments = wanted.definition.needed
        asked = next((a for a in together[key, stretches] if _agree(a.fragments, fragments)), None)
        if asked is None:
            asked = _Asked(common[key], stretches, {}, {})
            together[key, stretches].append(asked)
        asked.parts[part] = wanted
        asked.fragments.update(fragments)
    yield from chain.from_iterable(together.values())


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one.get(name, text) == text for name, text in other.items())


def _depending(fragments: Mapping[str, str]) -> set[str]:
    """Names of fragments that are others under another own parameter, by themselves or by what they
    need. Each comes after what it needs."""
    found: set[str] = set()
    for name, text in fragments.items():
        needed = () if name in _WITHOUT_CLASS else needs(text)
        if _OWN_IN_TEXT.search(text) or found.intersection(needed):
            found.add(name)
    return found


def _with(fragments: Mapping[str, str], *, recursive: bool = False) -> str:
    if not fragments:
        return ""
    parts = ",\n".join(
        f"{name} AS {'MATERIALIZED ' if ONCE in text else ''}(\n{text})"
        for name, text in fragments.items()
    )
    return f"WITH {'RECURSIVE ' if recursive else ''}{parts}\n"


def _select(number: int, definition: Definition) -> str:
    names = NUMBERS[definition.measure]
    missing = [f"CAST(NULL AS bigint) AS missing_{n}" for n in range(_COLUMNS - len(names))]
    columns = ", ".join((f"{number} AS part", "bucket", "key", *names, *missing))
    return f"SELECT {columns} FROM (\n{definition.text}) AS part_{number}"  # noqa: S608 - as above


def _own(text: str, turn: str) -> str:
    """The text with its own parameters under the names of a turn, or without values."""
    return _OWN_IN_TEXT.sub(lambda m: f"%({m[1]}_{turn})s" if turn else f"%(no_{m[1]})s", text)
