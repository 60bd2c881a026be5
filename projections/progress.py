"""How far the read models are, and the alarm that says why they stand still."""

from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct
from psycopg import Connection

from ledger.store.database import READER, connect
from projections import schema
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


class Rebuilding(Struct, frozen=True):
    """A rebuild that is running: `done` of `facts` are folded. `seconds_left` is how long folding
    the others takes at this pace; None while that is not known, and when all are: then the rows
    are compared and swapped in.
    """

    done: int
    facts: int
    seconds: float
    seconds_left: float | None


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


def rebuilding_of(conn: Connection[Any]) -> Rebuilding | None:
    """The rebuild that is running, if one is, on a connection with tuple rows. What a rebuild left
    behind that was killed is none.
    """
    if not schema.is_locked(conn, "rebuild"):
        return None
    done, seconds = 0, 0.0
    if schema.exists(conn, schema.NEXT):
        row = conn.execute(
            "SELECT coalesce(max(notification_id) FILTER (WHERE application_name = %s), 0),"
            " (SELECT extract(epoch FROM clock_timestamp() - made_at)::float8"
            " FROM models_next.meta) FROM models_next.tracking",
            (schema.FILLED,),
        ).fetchone()
        done, seconds = row if row is not None else (0, 0.0)
    facts = max(head(conn), done)
    left = seconds * (facts - done) / done if 0 < done < facts else None
    return Rebuilding(done, facts, round(seconds, 1), None if left is None else round(left, 1))


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
