"""Counts beforehand what everybody asks first: the first page and the headline.

It runs beside the runner, in a thread and on a connection of its own, when no fact came for a
moment. The next fact ends what is being counted, so none waits for it. What was counted lies in
`models.answer`, where readers look before they count (projections/figures/together.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import date, datetime
from threading import Condition, Thread
from time import monotonic
from typing import Any, Final

import psycopg
import structlog
from psycopg import Connection
from psycopg.types.json import Jsonb

from ledger.store.database import PROJECTOR, connect
from ledger.store.desk import BERLIN
from projections.figures.catalogue import CATALOGUE, HEADLINE
from projections.figures.overview import complete_years
from projections.figures.together import Statement, Together
from projections.reports.catalogue import REPORTS
from projections.reports.compute import Asked, Question, questions_of

IDLE_S: Final = 1.0
"""So long no fact must have come."""
SHARE_OF_TIME: Final = 0.2
"""At most this share of the time goes into it where facts trickle in."""
_REPORT: Final = "overview"

log = structlog.get_logger(__name__)


class Warmer:
    """One thread that counts whenever the read models have stood still for a moment."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._changed = Condition()
        self._position = 0
        self._stopped = False
        self._conn: Connection[Any] | None = None
        self._thread = Thread(target=self._run, name="warmer", daemon=True)
        self._thread.start()

    def moved(self, position: int) -> None:
        """The read models are at a position. What is being counted is of an older one, and ends."""
        with self._changed:
            self._position = position
            self._changed.notify()
            if self._conn is not None:
                with suppress(psycopg.Error):  # then it is counted in vain
                    self._conn.cancel_safe(timeout=1.0)

    def close(self) -> None:
        """End it, whatever it does."""
        with self._changed:
            self._stopped = True
        self.moved(self._position)
        self._thread.join()

    def _run(self) -> None:
        warm_at, rest_s = 0, 0.0
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._stopped, rest_s)
                self._changed.wait_for(lambda at=warm_at: self._stopped or self._position != at)  # type: ignore[misc]  # a default binds the loop's value
                while not self._stopped and self._changed.wait(IDLE_S):
                    pass  # facts still come
                position = self._position
                if self._stopped:
                    return
            began = monotonic()
            self._warm(position)
            rest_s = (monotonic() - began) * (1 / SHARE_OF_TIME - 1)
            warm_at = position

    def _warm(self, position: int) -> None:
        """Failing costs nothing but the warmth: readers count for themselves."""
        try:
            with connect(self._url, PROJECTOR, autocommit=True) as conn:
                with self._changed:
                    if self._position != position or self._stopped:
                        return
                    self._conn = conn
                try:
                    warm(conn, position, datetime.now(BERLIN).date())
                finally:
                    with self._changed:
                        self._conn = None
        except psycopg.errors.QueryCanceled:
            pass  # facts came
        except psycopg.Error as error:
            log.warning("warming_failed", error=str(error)[:300])


def warm(conn: Connection[Any], position: int, today: date) -> None:
    """Count at a position, and put it where readers look, in the place of what was there."""
    engine = Together(conn)
    wanted = list(_wanted(engine, position, today))
    engine.announce(wanted)
    rows = [(one.key, Jsonb(engine.answers.get(one.key))) for one in wanted]
    with conn.transaction(), conn.cursor() as curs:
        curs.execute("DELETE FROM models.answer")
        curs.executemany("INSERT INTO models.answer VALUES (%s, %s) ON CONFLICT DO NOTHING", rows)


def _wanted(engine: Together, position: int, today: date) -> Iterator[Statement]:
    """What the first page asks, and the headline until today, as a key's holder asks it."""
    years = complete_years(engine, known_at=position, today=today)
    questions = [Question(figure, None, "participating", None, today, ()) for figure in HEADLINE]
    if years is not None:
        asked = Asked(
            period_from=years.from_day,
            period_to=years.to_day,
            known_at=position,
            parameters={},
            figures=CATALOGUE,
        )
        questions += questions_of(REPORTS[_REPORT], asked)
    for question in questions:
        yield from question.statements(engine, CATALOGUE[question.figure], position)
