"""Figures of reports: the complete set, computed and drawn, nothing kept from before."""

from collections.abc import Iterator
from time import perf_counter
from typing import Final

from api.demonstration import PROGRAMME_END
from ledger.store.database import READER, connect
from projections import progress
from projections.figures.engines import PostgresEngine
from projections.reports.catalogue import report_of
from projections.reports.compute import compute_report
from projections.reports.outputs import Format, render
from tests.bench.rows import Row, row
from tests.bench.stage import Stage

LIMITS_S: Final[dict[Format, float]] = {"json": 5.0, "pdf": 15.0}


def report_set(stage: Stage) -> Iterator[Row]:
    """All reports in one, over the whole programme, as JSON and as PDF; computing is part of it."""
    with stage.service(), connect(stage.place.url, READER, autocommit=True) as conn:
        known_at = progress.position(conn)
        for form, limit in LIMITS_S.items():
            began = perf_counter()
            report = compute_report(
                PostgresEngine(conn),
                report_of("complete"),
                period_from=None,
                period_to=PROGRAMME_END,
                known_at=known_at,
                parameters={},
            )
            assert render(report, form, "de")
            yield row(f"report_set_{form}_s", perf_counter() - began, "s", limit)
