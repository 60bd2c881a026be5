"""How far the read models are, and the alarm that says why they stand still."""

from datetime import datetime
from typing import Any, NamedTuple

from psycopg import Connection

from ledger.store.database import READER, connect
from projections.folding import Unfoldable


class Lag(NamedTuple):
    """`seconds` is how long ago the oldest fact was recorded that is not in the read models."""

    head: int
    position: int
    seconds: float


class Alarm(NamedTuple):
    """The fact at which the runner stopped. It is tried again, and never skipped."""

    position: int
    topic: str
    error: str
    since: datetime
    attempts: int


def position(conn: Connection[Any]) -> int:
    """The last position that is in the live read models; 0 where there are none."""
    row = conn.execute("SELECT to_regclass('models.progress') IS NOT NULL").fetchone()
    assert row is not None
    if not row[0]:
        return 0
    row = conn.execute("SELECT position FROM models.progress").fetchone()
    return int(row[0]) if row else 0


def head(conn: Connection[Any]) -> int:
    """The last position of the book."""
    row = conn.execute("SELECT coalesce((SELECT position FROM ledger.head), 0)").fetchone()
    assert row is not None
    return int(row[0])


def lag_of(conn: Connection[Any]) -> Lag:
    """How far the live read models are behind the head, on a connection with tuple rows."""
    at = position(conn)
    row = conn.execute(
        "SELECT coalesce((SELECT position FROM ledger.head), 0),"
        " coalesce((SELECT extract(epoch FROM clock_timestamp() - recorded_at) FROM ledger.facts"
        " WHERE notification_id = %s), 0)::float8",
        (at + 1,),
    ).fetchone()
    assert row is not None
    return Lag(max(row[0], at), at, max(row[1], 0.0))


def alarm_of(conn: Connection[Any]) -> Alarm | None:
    """Why the runner stands still, if it does, on a connection with tuple rows."""
    row = conn.execute("SELECT to_regclass('models.alarm') IS NOT NULL").fetchone()
    assert row is not None
    if not row[0]:
        return None
    row = conn.execute(
        "SELECT position, topic, error, since, attempts FROM models.alarm"
    ).fetchone()
    return Alarm(*row) if row else None


def lag(url: str) -> Lag:
    """How far the live read models are behind the head."""
    with connect(url, READER, autocommit=True) as conn:
        return lag_of(conn)


def alarm(url: str) -> Alarm | None:
    """Why the runner stands still, if it does."""
    with connect(url, READER, autocommit=True) as conn:
        return alarm_of(conn)


def raise_alarm(conn: Connection[Any], stopped: Unfoldable) -> None:
    """Write down where the runner stopped. The same fact again only counts the attempts."""
    conn.execute(
        "INSERT INTO models.alarm (position, topic, error)"
        " VALUES (%(position)s, %(topic)s, %(error)s)"
        " ON CONFLICT (singleton) DO UPDATE SET"
        " position = excluded.position, topic = excluded.topic, error = excluded.error,"
        " since = CASE WHEN alarm.position = excluded.position THEN alarm.since ELSE now() END,"
        " attempts = CASE WHEN alarm.position = excluded.position"
        " THEN alarm.attempts + 1 ELSE 1 END",
        {"position": stopped.position, "topic": stopped.topic, "error": stopped.error[:1000]},
    )


def clear_alarm(conn: Connection[Any]) -> None:
    """All is well again."""
    conn.execute("DELETE FROM models.alarm")
