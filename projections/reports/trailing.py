"""Tables about the facts themselves: what came late, what was voided, what was recorded long after
its day, and by whom. Each engine tells it from what it holds, by code of its own (telling.py, and
recount/telling.py); here it becomes tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol, runtime_checkable

from msgspec import Struct

from projections.figures.catalogue import Text
from projections.figures.engines import Engine, PostgresEngine
from projections.figures.together import Answers, Remembering, Rows, Work
from projections.reports.model import Cell, Column, ColumnKind
from projections.reports.telling import BookTelling

if TYPE_CHECKING:
    from psycopg import Connection

BACKDATED_DAYS: Final = 92
"""A fact recorded more than so many days after its own day is called backdated."""


class Telling(Protocol):
    """Facts about facts that concern some days, both inclusive, as known at a position: tuples."""

    def late(self, first_day: date, last_day: date, known_at: int) -> Rows:
        """Position, type, day (None: every day), recorded on, actor, closings it came after."""

    def voided(self, first_day: date, last_day: date, known_at: int) -> Rows:
        """Position, reason, recorded on and actor of a void; position, type and actor of a fact
        that it voided: a row for each."""

    def backdated(self, first_day: date, last_day: date, known_at: int, days: int) -> Rows:
        """First position, type, first day, last day, recorded on, actor and number of facts of one
        type about one year that one actor recorded on one day, more than `days` later."""


@runtime_checkable
class Tells(Protocol):
    """An engine that tells facts about facts by itself."""

    telling: Telling


class Cut(Struct, frozen=True):
    """Which facts: those whose day lies in the period (None: no lower bound), or that act on every
    day, recorded by the position."""

    first_day: date | None
    last_day: date
    known_at: int

    @property
    def asked(self) -> tuple[date, date, int]:
        """As it is asked."""
        return self.first_day or date.min, self.last_day, self.known_at


class Content(Struct, frozen=True):
    """A table's columns and rows."""

    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]


Source = Callable[[Telling, Cut], Content]
"""Makes one table."""


def content_of(engine: Engine, source: str, cut: Cut) -> Content:
    """A table about facts. Raises TypeError for an engine that holds none."""
    return SOURCES[source](_telling(engine), cut)


def works(answers: Answers, cut: Cut) -> list[Work]:
    """All that the tables of facts are made of, to be found out on any connections."""

    def late(conn: Connection[Any]) -> Rows:
        return BookTelling(conn, answers).late(*cut.asked)

    def voided(conn: Connection[Any]) -> Rows:
        return BookTelling(conn, answers).voided(*cut.asked)

    def backdated(conn: Connection[Any]) -> Rows:
        return _backdated(BookTelling(conn, answers), cut)

    return [backdated, voided, late]


def _telling(engine: Engine) -> Telling:
    answers = engine.answers if isinstance(engine, Remembering) else None
    held = engine.engine if isinstance(engine, Remembering) else engine
    if isinstance(held, PostgresEngine):
        return BookTelling(held.conn, answers)
    if isinstance(held, Tells):
        return held.telling
    raise TypeError(f"{type(held).__name__} holds no facts")


def _column(id: str, kind: ColumnKind, de: str, en: str) -> Column:
    return Column(id=id, title=Text(de, en), kind=kind)


_POSITION: Final = _column("position", "position", "Position", "Position")
_TYPE: Final = _column("type", "text", "Art der Tatsache", "Fact type")
_DAY: Final = _column("day", "day", "Tag", "Day")
_RECORDED: Final = _column("recorded_on", "day", "Erfasst am (UTC)", "Recorded on (UTC)")
_ACTOR: Final = _column("actor", "text", "Erfasst von", "Recorded by")


def late_facts(telling: Telling, cut: Cut) -> Content:
    """Every late fact, in order of positions, with the closings it came after."""
    after = _column("closed_at", "text", "Nach Abschluss an Position", "After the closing at")
    rows = tuple(
        (position, type, _iso(day), _iso(recorded), actor, ", ".join(map(str, closings)))
        for position, type, day, recorded, actor, closings in telling.late(*cut.asked)
    )
    return Content((_POSITION, _TYPE, _DAY, _RECORDED, _ACTOR, after), rows)


def voided_facts(telling: Telling, cut: Cut) -> Content:
    """Every void, with its reason and what it voided, a line for each fact."""
    columns = (
        _POSITION,
        _column("reason", "text", "Grund", "Reason"),
        _RECORDED,
        _ACTOR,
        _column("target", "position", "Aufgehobene Position", "Voided position"),
        _column("target_type", "text", "Aufgehobene Tatsache", "Voided fact"),
        _column("target_actor", "text", "Ursprünglich erfasst von", "First recorded by"),
    )
    rows = tuple(
        (position, reason, _iso(recorded), *others)
        for position, reason, recorded, *others in telling.voided(*cut.asked)
    )
    return Content(columns, rows)


def backdated_facts(telling: Telling, cut: Cut) -> Content:
    """What was recorded long after its day: facts of one type about one year that one actor
    recorded on one day stand in one line, as an attendance list is hundreds of them."""
    columns = (
        _column("position", "position", "Erste Position", "First position"),
        _TYPE,
        _column("first_day", "day", "Erster Tag", "First day"),
        _column("last_day", "day", "Letzter Tag", "Last day"),
        _RECORDED,
        _ACTOR,
        _column("facts", "count", "Tatsachen", "Facts"),
    )
    rows = tuple(
        (position, type, _iso(first), _iso(last), _iso(recorded), *others)
        for position, type, first, last, recorded, *others in _backdated(telling, cut)
    )
    return Content(columns, rows)


def _backdated(telling: Telling, cut: Cut) -> Rows:
    return telling.backdated(*cut.asked, BACKDATED_DAYS)


def by_actor(telling: Telling, cut: Cut) -> Content:
    """How many facts each actor recorded late, voided, and recorded long after their day."""
    columns = (
        _column("actor", "key", "Erfasst von", "Recorded by"),
        _column("late", "count", "verspätet", "late"),
        _column("voids", "count", "aufgehoben", "voided"),
        _column("backdated", "count", "rückdatiert", "backdated"),
    )
    late_of = Counter(actor for _, _, _, _, actor, _ in telling.late(*cut.asked))
    voids = {(position, actor) for position, _, _, actor, *_ in telling.voided(*cut.asked)}
    voids_of = Counter(actor for _, actor in voids)
    backdated_of: Counter[str] = Counter()
    for *_, actor, facts in _backdated(telling, cut):
        backdated_of[actor] += facts
    actors = sorted({*late_of, *voids_of, *backdated_of})
    rows = tuple((a, late_of[a], voids_of[a], backdated_of[a]) for a in actors)
    return Content(columns, rows)


SOURCES: Final[Mapping[str, Source]] = {
    "late_facts": late_facts,
    "voided_facts": voided_facts,
    "by_actor": by_actor,
    "backdated_facts": backdated_facts,
}


@lru_cache(maxsize=4_096)
def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
