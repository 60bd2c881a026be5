"""What is asked of a figure, checked, and as the parameters its SQL takes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple, cast

from projections.figures.catalogue import Definition
from projections.figures.engines import Engine
from projections.figures.refusals import (
    PeriodOutsideLedger,
    PeriodReversed,
    TooManyQuarters,
    TooManyYears,
    UnknownCluster,
    UnknownDimension,
    UnknownOf,
    UnknownView,
)

View = Literal["participating", "lead"]
VIEWS: Final[tuple[View, ...]] = ("participating", "lead")
TIMES: Final = ("year", "quarter")
"""Dimensions that are stretches of the period; all others split a stretch."""
WHOLE: Final = 0
"""The number of the stretch that is the whole period."""
MOST_YEARS: Final = 400
MOST_QUARTERS: Final = 400

ASKED_OF_CLUSTERS: Final = """SELECT DISTINCT cluster FROM models.cluster
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
    AND valid_from <= %(last_day)s AND %(first_day)s < valid_to AND valid_from < valid_to"""

ASKED_OF_THE_FIRST_DAY: Final = """SELECT min(day) FROM (
    SELECT min(valid_from) AS day FROM models.cluster
    WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND valid_from < valid_to
    UNION ALL
    SELECT min(valid_from) FROM models.membership
    WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
    UNION ALL
    SELECT min(held_on) FROM models.activity
    WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND NOT cancelled
    UNION ALL
    SELECT min(least(approved_on, started_on)) FROM models.project
    WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
) AS beginning"""


class Stretch(NamedTuple):
    """Days of which a figure is asked, both inclusive; `key` is how a row of it is called."""

    number: int
    key: str
    first_day: date
    last_day: date


class Question(NamedTuple):
    """A figure's parameters, checked. `period_from` None: no lower bound (cumulative); `of` '':
    the figure is no share of this or that."""

    definition: Definition
    period_from: date | None
    period_to: date
    known_at: int
    by: str | None
    view: View
    cluster: str | None
    of: str

    @property
    def whole(self) -> Stretch:
        """The whole period as one stretch."""
        return Stretch(WHOLE, "", self.period_from or date.min, self.period_to)

    def parameters(self, stretches: Sequence[Stretch], *, by: str = "") -> dict[str, Any]:
        """What the SQL takes; `by` is a dimension that splits a stretch, or ''. A single cluster is
        seen in a view too: it is one row of that table."""
        return {
            "bucket": [stretch.number for stretch in stretches],
            "first_day": [stretch.first_day for stretch in stretches],
            "last_day": [stretch.last_day for stretch in stretches],
            "view": self.view if by == "cluster" or self.cluster else "programme",
            "cluster": self.cluster or "",
            "dimension": by,
            "of": self.of,
            "known_at": self.known_at,
        }


def checked(  # noqa: PLR0913 - a question has this many parts
    engine: Engine,
    definition: Definition,
    *,
    period_from: date | None,
    period_to: date,
    known_at: int,
    by: str | None,
    view: str,
    cluster: str | None,
    of: str | None,
) -> Question:
    """Raises PeriodReversed, UnknownDimension, UnknownView, UnknownCluster, UnknownOf."""
    if period_from is not None and period_to < period_from:
        raise PeriodReversed(period_from=period_from, period_to=period_to)
    if by is not None and by not in definition.dimensions:
        raise UnknownDimension(figure=definition.id, dimension=by, allowed=definition.dimensions)
    if view not in VIEWS:
        raise UnknownView(view=view, allowed=VIEWS)
    if of is not None and of not in definition.of:
        raise UnknownOf(of=of, figure=definition.id, allowed=definition.of)
    if cluster is not None and cluster not in (known := clusters(engine, known_at)):
        raise UnknownCluster(cluster=cluster, known_at=known_at, allowed=known)
    share_of = of or next(iter(definition.of), "")
    return Question(definition, period_from, period_to, known_at, by, view, cluster, share_of)


def clusters(
    engine: Engine,
    known_at: int,
    first_day: date = date.min,
    last_day: date = date.max,
) -> list[str]:
    """Codes, sorted, of the clusters known at a position with at least one day between the two."""
    rows = engine.rows(
        ASKED_OF_CLUSTERS,
        {"known_at": known_at, "first_day": first_day, "last_day": last_day},
    )
    return sorted(code for (code,) in rows)


def first_day(engine: Engine, known_at: int) -> date | None:
    """The first day on which anything that is counted happened, as known at a position: the
    programme's start."""
    ((day,),) = engine.rows(
        ASKED_OF_THE_FIRST_DAY,
        {"known_at": known_at},
    )
    return cast(date | None, day)


def within_ledger(engine: Engine, period_to: date, known_at: int, *, today: date) -> None:
    """Raises PeriodOutsideLedger for a period that is over before anything counted happened, or
    goes on after the current year.

    For whoever asks by hand: compute() answers 0, as a figure must have a value at every position.
    """
    end = date(today.year, 12, 31)
    begin = first_day(engine, known_at)
    if period_to > end or (begin is not None and period_to < begin):
        raise PeriodOutsideLedger(
            period_to=period_to,
            first_day=begin or end,
            last_day=end,
            allowed=(f"{begin or date.min} to {end}",),
        )


def stretches(engine: Engine, question: Question) -> list[Stretch]:
    """One per calendar year or quarter of the period, its days within the period.

    Without a lower bound they begin with the programme's start. Raises TooManyYears,
    TooManyQuarters.
    """
    begin = question.period_from or first_day(engine, question.known_at)
    if begin is None or question.period_to < begin:
        return []
    cut = _years if question.by == "year" else _quarters
    return [
        Stretch(number, key, max(first, begin), min(last, question.period_to))
        for number, key, first, last in cut(begin, question.period_to)
    ]


def _years(begin: date, end: date) -> Iterator[Stretch]:
    count = end.year - begin.year + 1
    if count > MOST_YEARS:
        raise TooManyYears(years=count, most=MOST_YEARS)
    for year in range(begin.year, end.year + 1):
        yield Stretch(year, f"{year:04}", date(year, 1, 1), date(year, 12, 31))


def _quarters(begin: date, end: date) -> Iterator[Stretch]:
    first, last = _quarter(begin), _quarter(end)
    if last - first >= MOST_QUARTERS:
        raise TooManyQuarters(quarters=last - first + 1, most=MOST_QUARTERS)
    for number in range(first, last + 1):
        year, quarter = divmod(number, 4)
        days = (
            date(year, 3 * quarter + 1, 1),
            date(year, 3 * quarter + 3, (31, 30, 30, 31)[quarter]),
        )
        yield Stretch(number, f"{year:04}-Q{quarter + 1}", *days)


def _quarter(day: date) -> int:
    return day.year * 4 + (day.month - 1) // 3
