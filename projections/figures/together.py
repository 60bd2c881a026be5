"""Many questions asked as one statement: what several of them need is found once.

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

_OWN: Final = (("view",), ("bucket", "first_day", "last_day"), ("dimension", "of"))
"""The parameters in which questions of one statement may differ, level below level."""
_LEVEL_OF: Final = {name: level for level, names in enumerate(_OWN, 1) for name in names}
_OWN_IN_TEXT: Final = re.compile(rf"%\(({'|'.join(_LEVEL_OF)})\)s")
_WITHOUT_CLASS: Final = frozenset({"steady"})
"""Fragments that ask of a class when it began and not which one it is: they are the same for every
dimension, though they need one that is not."""
_READING: Final = (("visitors", "visit"), ("attended_since",), ("attended", "named"))
"""Fragments that read all attendances. Figures that need those of one kind are a statement of their
own, and so are those that need none: two connections have about the same to do, and each statement
keeps fewer hashes."""
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


_Days = tuple[tuple[date, date], ...]


class _Part(NamedTuple):
    """One definition's SQL under a view, days of buckets in order, and a dimension and of."""

    sql: str
    view: str
    stretches: _Days
    split: tuple[str, str]

    @property
    def own(self) -> dict[str, Any]:
        """The values of its own parameters."""
        first_days, last_days = zip(*self.stretches, strict=True)
        dimension, of = self.split
        return {
            "view": self.view,
            "bucket": list(range(len(self.stretches))),
            "first_day": list(first_days),
            "last_day": list(last_days),
            "dimension": dimension,
            "of": of,
        }


class _Wanted(NamedTuple):
    """A part's definition, and the single statements that it answers."""

    definition: Definition
    statements: list[Statement]


class _Asked(NamedTuple):
    """Parts that differ in their own parameters alone: one statement. `fragments` are what its
    definitions need, by name."""

    common: Mapping[str, Any]
    parts: dict[_Part, _Wanted]
    fragments: dict[str, str]

    def answers(self, engine: Engine) -> dict[bytes, Rows]:
        """The rows of each single statement, by its key."""
        wanted = list(self.parts.values())
        if len(wanted) == 1 and len(wanted[0].statements) == 1:
            (statement,) = wanted[0].statements
            return {statement.key: engine.rows(statement.definition.sql, statement.parameters)}
        sql, owns = self._joined()
        found: defaultdict[tuple[int, int], Rows] = defaultdict(list)
        for part, bucket, *row in engine.rows(sql, {**self.common, **owns}):
            numbers = len(NUMBERS[wanted[part].definition.measure])
            found[part, bucket].append(tuple(row[: 1 + numbers]))
        return {
            statement.key: [
                (number, *row)
                for number, days in _buckets(statement.parameters)
                for row in found.get((turn, part.stretches.index(days)), ())
            ]
            for turn, (part, one) in enumerate(self.parts.items())
            for statement in one.statements
        }

    def _joined(self) -> tuple[str, dict[str, Any]]:
        """One statement for all parts, and the values of their own parameters. Its rows: the number
        of the part, bucket, key, and as many numbers as the widest measure has.

        What depends on no own parameter comes first; below it, for each view, what depends on that
        one; and so on, level below level; then the texts. PostgreSQL keeps what is asked for more
        than once without being told.
        """
        levels = _levels(self.fragments)
        without_class = {name: f"no_{name}" for name in _OWN[-1]}
        owns: dict[str, Any] = dict.fromkeys(without_class.values(), "")

        def below(level: int, parts: list[tuple[int, _Part]], names: dict[str, str]) -> str:
            needed: dict[str, str] = {}
            for _, part in parts:
                needed |= self.parts[part].definition.needed
            here = {name: text for name, text in needed.items() if level in levels[name]}
            if level == len(_OWN):
                selects = [_select(n, self.parts[part].definition) for n, part in parts]
            else:
                selects = []
                for group in _grouped(parts, level):
                    turn, (_, first) = len(owns), group[0]
                    turned = {name: f"{name}_{turn}" for name in _OWN[level]}
                    owns.update({turned[name]: first.own[name] for name in turned})
                    text = below(level + 1, group, names | turned)
                    selects.append(f"SELECT * FROM (\n{text}) AS group_{turn}")  # noqa: S608 - texts of the catalogue
            text = _with(here, recursive=level == 0) + "\nUNION ALL\n".join(selects)
            return _own(text, names)

        return below(0, list(enumerate(self.parts)), without_class), owns


def _grouped(parts: list[tuple[int, _Part]], level: int) -> Iterable[list[tuple[int, _Part]]]:
    """Those with the same own parameters at a level."""
    found: defaultdict[Any, list[tuple[int, _Part]]] = defaultdict(list)
    for number, part in parts:
        found[part[1 + level]].append((number, part))
    return found.values()


def _buckets(parameters: Mapping[str, Any]) -> list[tuple[int, tuple[date, date]]]:
    days = zip(parameters["first_day"], parameters["last_day"], strict=True)
    return list(zip(parameters["bucket"], days, strict=True))


def _asked_together(statements: Iterable[Statement]) -> Iterator[_Asked]:
    """Those at one position that read the same. Years and the whole of them are two stretches: rows
    counted under both at once are twice as many, and reading them again costs less. Definitions
    that mean different fragments by one name are not asked together."""
    common: dict[bytes, dict[str, Any]] = {}
    by_part: dict[tuple[bytes, _Part], _Wanted] = {}
    for statement in statements:
        given, needed = statement.parameters, statement.definition.needed
        shared = {name: given[name] for name in ("known_at", "cluster")}
        reading = next((kind for kind in _READING if not needed.keys().isdisjoint(kind)), ())
        key = msgspec.json.encode((shared, reading), order="sorted")
        common[key] = shared
        part = _Part(
            statement.definition.sql,
            given["view"],
            tuple(sorted({days for _, days in _buckets(given)})),
            (given["dimension"], given["of"]),
        )
        wanted = by_part.setdefault((key, part), _Wanted(statement.definition, []))
        wanted.statements.append(statement)
    together: defaultdict[bytes, list[_Asked]] = defaultdict(list)
    for (key, part), wanted in by_part.items():
        fragments = wanted.definition.needed
        asked = next((a for a in together[key] if _agree(a.fragments, fragments)), None)
        if asked is None:
            asked = _Asked(common[key], {}, {})
            together[key].append(asked)
        asked.parts[part] = wanted
        asked.fragments.update(fragments)
    yield from chain.from_iterable(together.values())


def _agree(one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one.get(name, text) == text for name, text in other.items())


def _levels(fragments: Mapping[str, str]) -> dict[str, set[int]]:
    """By name of a fragment, the level at which it stands: the last on whose own parameters it
    depends, by itself or by what it needs; 0 for none. What is needed without a class stands there
    too, in front."""
    found: dict[str, set[int]] = {}
    for name, text in fragments.items():
        needed = needs(text)
        of_needed = [max(found[need]) for need in needed if name not in _WITHOUT_CLASS]
        of_own = [_LEVEL_OF[parameter] for parameter in _OWN_IN_TEXT.findall(text)]
        found[name] = {max([0, *of_needed, *of_own])}
        if name in _WITHOUT_CLASS:
            for need in needed:
                found[need].add(0)
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


def _own(text: str, names: Mapping[str, str]) -> str:
    """The text with its own parameters under the names they have here."""
    return _OWN_IN_TEXT.sub(lambda m: f"%({names[m[1]]})s", text)
