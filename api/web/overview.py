"""What the first page shows, as data: already counted, already cut to what the public may see."""

from __future__ import annotations

from datetime import date, datetime

import msgspec


class Text(msgspec.Struct, frozen=True, kw_only=True):
    """The same words in both languages of the pages."""

    de: str
    en: str


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """Whole years, both days inclusive: the programme's first to the last complete one."""

    from_day: date
    to_day: date


class YearCell(msgspec.Struct, frozen=True, kw_only=True):
    """A figure's value in one calendar year; None where it is withheld (disclosure.suppress)."""

    year: int
    value: int | None


class ClusterCell(msgspec.Struct, frozen=True, kw_only=True):
    """A figure's value in one cluster over the period; None where it is withheld."""

    code: str
    name: Text
    value: int | None


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One headline figure. `definition` reads id@version; `value` is exact, totals are never cut.

    `joint_adjustment` is the value minus the sum of all cells by cluster, withheld ones included:
    negative or 0. `years_add_up` tells whether the yearly values sum to `value`; counts of distinct
    organisations do not, as one that is there in two years is counted in both.
    """

    id: str
    definition: str
    title: Text
    sentence: Text
    unit: Text
    value: int
    by_year: tuple[YearCell, ...]
    by_cluster: tuple[ClusterCell, ...]
    joint_adjustment: int
    years_add_up: bool


class Overview(msgspec.Struct, frozen=True, kw_only=True):
    """The whole page. `position` and `recorded_at` are of the last fact the figures include.

    `facts_behind` is the head's position minus `position`. An empty ledger has position 0 and no
    `recorded_at`; without a complete year there is no `period` and no headline.
    """

    origin: str
    position: int
    recorded_at: datetime | None
    facts_behind: int
    period: Period | None
    headline: tuple[Figure, ...]
