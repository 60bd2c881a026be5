"""Operations: how far the read models are, what the writer does, which keys there are."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct
from psycopg import Connection

from api.auth import Key, list_keys
from api.pages.sheet import Ask, PageQuery, Sheet, page
from projections import progress
from projections.figures.catalogue import Text
from projections.progress import Alarm, Lag


class Writing(Struct, frozen=True):
    """What this process has recorded since it started."""

    facts: int
    batches: int
    queued_facts: int
    commit_s: float


class Operations(Struct, frozen=True):
    """The state of the service."""

    origin: str
    head: int
    position: int
    lag_facts: int
    lag_s: float
    alarm: Alarm | None
    rebuilding: bool
    writing: Writing
    keys: list[Key]


async def shown(ask: Ask[PageQuery]) -> Sheet:
    """Lag, alarm, rebuild, writer, keys."""
    lag, alarm, rebuilding = await ask.state.read(_read)
    writer = ask.state.ledger.writer
    done = writer.statistics
    data = Operations(
        ask.state.ledger.book.origin,
        lag.head,
        lag.position,
        lag.head - lag.position,
        round(lag.seconds, 3),
        alarm,
        rebuilding,
        Writing(done.facts, done.batches, writer.queued_facts, round(done.commit_s, 3)),
        await ask.state.read_keys(list_keys),
    )
    return Sheet(
        title=Text("Betrieb", "Operations"), template="operations.html", data=data, rows=data.keys
    )


def _read(conn: Connection[Any]) -> tuple[Lag, Alarm | None, bool]:
    row = conn.execute("SELECT to_regclass('models_next.progress') IS NOT NULL").fetchone()
    return progress.lag_of(conn), progress.alarm_of(conn), bool(row and row[0])


ROUTES: Final = (page("/operations", shown, "Operations", scope="admin"),)
