"""Two engines, the same tables about facts: what came late, was voided, was recorded long after."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from projections.figures.agreement import Period
from projections.figures.engines import Engine
from projections.reports.catalogue import report_of
from projections.reports.compute import compute_report

REPORT: Final = "late_voided_backdated"


def told_alike(
    one: Engine, other: Engine, asked: Iterable[tuple[Period, int]]
) -> Iterator[str | None]:
    """For each period at its position None, or where the engines tell it otherwise."""
    for (period_from, period_to), known_at in asked:
        made = [
            compute_report(
                engine,
                report_of(REPORT),
                period_from=period_from,
                period_to=period_to,
                known_at=known_at,
                parameters={},
            )
            for engine in (one, other)
        ]
        tables = zip(made[0].tables, made[1].tables, strict=True)
        different = next((mine.id for mine, theirs in tables if mine != theirs), None)
        where = f"{REPORT}, {period_from or 'start'}..{period_to}, known at {known_at}"
        yield None if different is None else f"{where}: the tables {different} differ"
