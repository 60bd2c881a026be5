"""Figures of reports: the complete set computed and drawn, nothing kept from before; restated."""

from collections.abc import Iterator
from time import perf_counter
from typing import Final
from uuid import uuid4

import psycopg

from api.demonstration import PROGRAMME_END
from ledger.store.database import READER, connect
from projections import progress
from projections.figures.engines import PostgresEngine
from projections.reports.catalogue import report_of
from projections.reports.compute import compute_report
from projections.reports.explaining import of_filings
from projections.reports.filing import Filed, published
from projections.reports.model import Report, Span, Used
from projections.reports.outputs import Format, render
from tests.bench.requests import singles
from tests.bench.rows import Failed, Row, row
from tests.bench.stage import Stage

LIMITS_S: Final[dict[Format, float]] = {"json": 5.0, "pdf": 15.0}
LATE_FACTS: Final = 20
EVALUATIONS: Final = 200
"""As many as a request may ask for without saying so."""


def report_set(stage: Stage) -> Iterator[Row]:
    """All reports in one, over the whole programme, as JSON and as PDF; computing is part of it."""
    stage.rebuilt()
    with connect(stage.place.url, READER, autocommit=True) as conn:
        for form, limit in LIMITS_S.items():
            began = perf_counter()
            assert render(_complete(conn), form, "de")
            yield row(f"report_set_{form}_s", perf_counter() - began, "s", limit)


def restatement_s(stage: Stage) -> Iterator[Row]:
    """From the complete set as it was to now, after some late facts: most of them attendances of
    activities held before, which move nearly every figure."""
    with stage.service() as service, connect(stage.place.url, READER, autocommit=True) as conn:
        filed = _filed(_complete(conn))
        for request in singles(service.key, uuid4().hex, LATE_FACTS):
            service.post(request)
        stage.caught_up()
        began = perf_counter()
        found = of_filings(
            PostgresEngine(conn),
            filed,
            None,
            known_at=progress.position(conn),
            evaluations=EVALUATIONS,
        )
        seconds = perf_counter() - began
    if not found.facts:
        raise Failed("no fact is named in the restatement")
    yield row("restatement_s", seconds, "s", 30)


def _complete(conn: psycopg.Connection) -> Report:
    return compute_report(
        PostgresEngine(conn),
        report_of("complete"),
        period_from=None,
        period_to=PROGRAMME_END,
        known_at=progress.position(conn),
        parameters={},
    )


def _filed(report: Report) -> Filed:
    """The report as if it was filed at its position."""
    fact = published(report)
    return Filed(
        position=report.known_at,
        recorded_at="",
        actor="",
        report=fact.report,
        period=Span(from_=None, to=fact.period_to),
        known_at=fact.known_at,
        parameters={},
        definitions=tuple(Used(d.definition, d.sha256) for d in fact.definitions),
        sha256=fact.sha256,
    )
