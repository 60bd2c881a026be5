"""The years the public sees: whole ones, from the programme's first to the last that is over."""

from __future__ import annotations

from datetime import date

from projections.figures.asking import first_day
from projections.figures.compute import Period
from projections.figures.engines import Engine


def complete_years(engine: Engine, *, known_at: int, today: date) -> Period | None:
    """From the programme's first year to the last one that is over; None when none is."""
    begin = first_day(engine, known_at)
    if begin is None or begin.year >= today.year:
        return None
    return Period(from_day=date(begin.year, 1, 1), to_day=date(today.year - 1, 12, 31))
