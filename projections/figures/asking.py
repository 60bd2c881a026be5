"""What is asked of a figure, checked, and as the parameters its SQL takes."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any, Final, Literal, NamedTuple, cast

from projections.figures.catalogue import Definition
from projections.figures.engines import Engine
from projections.figures.refusals import (
    PeriodReversed,
    TooManyYears,
    UnknownCluster,
    UnknownDimension,
    UnknownView,
)

By = Literal["year", "cluster"]
View = Literal["participating", "lead"]
VIEWS: Final[tuple[View, ...]] = ("participating", "lead")
WHOLE: Final = 0
"""The number of the stretch that is the whole period; a year's stretch has the year's number."""
MOST_YEARS: Final = 400

ASKED_OF_CLUSTERS: Final = """SELECT DISTINCT cluster FROM models.cluster
WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
    AND valid_from <= %(last_day)s AND %(first_day)s < valid_to"""

ASKED_OF_THE_FIRST_DAY: Final = """SELECT min(day) FROM (
    SELECT min(valid_from) AS day FROM models.cluster
    WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
    UNION ALL
    SELECT min(valid_from) FROM models.membership
    WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
    UNION ALL
    SELECT min(held_on) FROM models.activity
    WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND NOT cancelled
    UNION ALL
    SELECT min(started_on) FROM models.project
    WHERE known_from <= %(known_at)s AND %(known_at)s < known_to
) AS beginning"""


class Stretch(NamedTuple):
    """Days of which a figure is asked, both inclusive."""

    number: int
    first_day: date
    last_day: date


class Question(NamedTuple):
    """A figure's parameters, checked. `period_from` None: no lower bound (cumulative)."""

    definition: Definition
    period_from: date | None
    period_to: date
    known_at: int
    by: By | None
    view: View
    cluster: str | None

    @property
    def whole(self) -> Stretch:
        """The whole period as one stretch."""
        return Stretch(WHOLE, self.period_from or date.min, self.period_to)

    def parameters(self, stretches: Sequence[Stretch], *, by_cluster: bool) -> dict[str, Any]:
        """What the SQL takes. A single cluster is seen in a view too: it is one row of that
        table."""
        return {
            "bucket": [stretch.number for stretch in stretches],
            "first_day": [stretch.first_day for stretch in stretches],
            "last_day": [stretch.last_day for stretch in stretches],
            "view": self.view if by_cluster or self.cluster else "programme",
            "cluster": self.cluster or "",
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
) -> Question:
    """Raises PeriodReversed, UnknownDimension, UnknownView, UnknownCluster."""
    if period_from is not None and period_to < period_from:
        raise PeriodReversed(period_from=period_from, period_to=period_to)
    if by is not None and by not in definition.dimensions:
        raise UnknownDimension(figure=definition.id, dimension=by, allowed=definition.dimensions)
    if view not in VIEWS:
        raise UnknownView(view=view, allowed=VIEWS)
    if cluster is not None and cluster not in (known := clusters(engine, known_at)):
        raise UnknownCluster(cluster=cluster, known_at=known_at, allowed=known)
    return Question(
        definition, period_from, period_to, known_at, cast(By | None, by), view, cluster
    )


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


def years(engine: Engine, question: Question) -> list[Stretch]:
    """One stretch per calendar year of the period, its days within the period. Raises TooManyYears.

    Without a lower bound they begin with the programme's first year.
    """
    begin = question.period_from or first_day(engine, question.known_at)
    if begin is None or question.period_to < begin:
        return []
    count = question.period_to.year - begin.year + 1
    if count > MOST_YEARS:
        raise TooManyYears(years=count, most=MOST_YEARS)
    return [
        Stretch(year, max(date(year, 1, 1), begin), min(date(year, 12, 31), question.period_to))
        for year in range(begin.year, question.period_to.year + 1)
    ]
