"""The first page's figures: the headline over the complete years, cut to what the public may
see."""

from __future__ import annotations

from datetime import date

import msgspec

from projections.figures.asking import first_day
from projections.figures.catalogue import CATALOGUE, HEADLINE, Definition
from projections.figures.compute import Figure, Period, compute
from projections.figures.disclosure import suppress
from projections.figures.engines import Engine


class YearCell(msgspec.Struct, frozen=True):
    """A figure's value in one calendar year; None where it is withheld."""

    year: int
    value: int | None


class ClusterCell(msgspec.Struct, frozen=True):
    """A figure's value in one cluster (participating view); None where it is withheld.

    `name` is the cluster's on the period's last day, or its last one before.
    """

    code: str
    name: str
    value: int | None


class HeadlineFigure(msgspec.Struct, frozen=True, kw_only=True):
    """One headline figure. `value` is exact; so is `joint_adjustment`, over withheld cells too.

    `years_add_up` tells whether the yearly values sum to `value`.
    """

    definition: Definition
    value: int
    by_year: tuple[YearCell, ...]
    by_cluster: tuple[ClusterCell, ...]
    joint_adjustment: int
    years_add_up: bool


class HeadlineOverview(msgspec.Struct, frozen=True, kw_only=True):
    """Without a complete year there is no `period` and no headline."""

    known_at: int
    period: Period | None
    headline: tuple[HeadlineFigure, ...]


def complete_years(engine: Engine, *, known_at: int, today: date) -> Period | None:
    """From the programme's first year to the last one that is over; None when none is."""
    begin = first_day(engine, known_at)
    if begin is None or begin.year >= today.year:
        return None
    return Period(from_day=date(begin.year, 1, 1), to_day=date(today.year - 1, 12, 31))


def overview(engine: Engine, *, known_at: int, today: date) -> HeadlineOverview:
    """The public profile: whole years only, small cells withheld (disclosure.py), totals exact.

    It depends on `today` only through the year.
    """
    period = complete_years(engine, known_at=known_at, today=today)
    if period is None:
        return HeadlineOverview(known_at=known_at, period=None, headline=())
    names = _names(engine, known_at, period.to_day)
    headline = tuple(_public(engine, CATALOGUE[id_], period, known_at, names) for id_ in HEADLINE)
    return HeadlineOverview(known_at=known_at, period=period, headline=headline)


def cumulative(engine: Engine, *, known_at: int, period_to: date) -> tuple[Figure, ...]:
    """The headline from the programme's start to any day, in the order of HEADLINE: for key
    holders."""
    return tuple(
        compute(engine, CATALOGUE[id_], period_from=None, period_to=period_to, known_at=known_at)
        for id_ in HEADLINE
    )


def _public(
    engine: Engine,
    definition: Definition,
    period: Period,
    known_at: int,
    names: dict[str, str],
) -> HeadlineFigure:
    def table(by: str) -> Figure:
        return compute(
            engine,
            definition,
            period_from=period.from_day,
            period_to=period.to_day,
            known_at=known_at,
            by=by,
        )

    years, clusters = table("year").rows or (), table("cluster")
    rows = clusters.rows or ()
    years_add_up = "year" in definition.additive
    shown_years = suppress([row.count for row in years], total_published=years_add_up)
    # The total and the adjustment are printed: together they are the sum of the cells.
    shown_clusters = suppress([row.count for row in rows])
    return HeadlineFigure(
        definition=definition,
        value=clusters.count,
        by_year=tuple(
            YearCell(int(row.key), shown) for row, shown in zip(years, shown_years, strict=True)
        ),
        by_cluster=tuple(
            ClusterCell(row.key, names.get(row.key, row.key), shown)
            for row, shown in zip(rows, shown_clusters, strict=True)
        ),
        joint_adjustment=clusters.count - sum(row.count for row in rows),
        years_add_up=years_add_up,
    )


def _names(engine: Engine, known_at: int, day: date) -> dict[str, str]:
    rows = engine.rows(
        """SELECT cluster, name FROM models.cluster
        WHERE known_from <= %(known_at)s AND %(known_at)s < known_to AND valid_from <= %(day)s
        ORDER BY valid_from""",
        {"known_at": known_at, "day": day},
    )
    return dict(rows)
