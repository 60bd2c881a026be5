"""Activities: what was planned, whether it took place, and how many were counted."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from ledger.domain.activity import Activity
from ledger.domain.streams import Kind
from projections.models.base import Model, Projected, Table


class ActivityRow(NamedTuple):
    """An activity as known; `total` and `unlisted` are the head-counts in force."""

    activity_id: UUID
    title: str
    kind: str
    mode: str
    organisers: tuple[str, ...]
    starts_on: date
    ends_on: date
    nuts3: str | None
    capacity: int | None
    held_on: date | None
    cancelled: bool
    total: int | None
    unlisted: int | None
    listed: bool
    complete: bool
    announced: int | None


ACTIVITY = Table(
    ActivityRow,
    name="activity",
    key=("activity_id",),
    ddl="""
-- An activity as it was known at a position. The first organiser leads.
CREATE TABLE activity (
    activity_id uuid    NOT NULL,
    title       text    COLLATE "C" NOT NULL,
    kind        text    COLLATE "C" NOT NULL,
    mode        text    COLLATE "C" NOT NULL,
    organisers  text[]  COLLATE "C" NOT NULL,
    starts_on   date    NOT NULL,
    ends_on     date    NOT NULL,
    nuts3       text    COLLATE "C",
    capacity    bigint,
    held_on     date,
    cancelled   boolean NOT NULL,
    total       bigint,            -- head-count that includes the named
    unlisted    bigint,            -- head-count on top of the named
    listed      boolean NOT NULL,  -- a list was imported
    complete    boolean NOT NULL,  -- a list that names everybody was imported
    announced   bigint,            -- the most rows that a list has
    known_from  bigint  NOT NULL,
    known_to    bigint  NOT NULL,
    CHECK (known_from < known_to)
);
""",
    extras="""
CREATE INDEX activity_by_day_held ON activity (held_on) WHERE held_on IS NOT NULL;
CREATE INDEX activity_by_first_day ON activity (starts_on, activity_id);
CREATE INDEX activity_by_organiser ON activity USING gin (organisers);
CREATE INDEX activity_by_part_of_title ON activity USING gin (ledger.folded(title) gin_trgm_ops);
""",
)


def rows(key: tuple[Any, ...], state: Activity) -> Iterator[Projected]:
    """One row, once it was scheduled."""
    if not state.exists:
        return
    yield Projected(
        ACTIVITY,
        ActivityRow(
            activity_id=key[0],
            title=state.title,
            kind=state.kind,
            mode=state.mode,
            organisers=state.organisers,
            starts_on=state.starts_on,
            ends_on=state.ends_on,
            nuts3=state.nuts3,
            capacity=state.capacity,
            held_on=state.held_on,
            cancelled=state.cancelled,
            total=state.total,
            unlisted=state.unlisted,
            listed=state.lists > 0,
            complete=state.complete,
            announced=state.announced,
        ),
    )


MODEL = Model(Kind.activity, (ACTIVITY,), rows)
