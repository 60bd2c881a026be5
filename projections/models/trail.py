"""The trail's index: every fact with what one filters by. The facts themselves stay in the book.

The only read model that is not a function of one stream: an attendance concerns the organisers of
its activity, an enrolment the clusters of its project, as known at its position.
"""

from collections.abc import Iterable
from typing import NamedTuple
from uuid import UUID

from projections.models.base import Table


class TrailRow(NamedTuple):
    """One fact. `kind` is its stream's (ledger.domain.streams.Kind)."""

    position: int
    topic: str
    stream: UUID
    kind: int
    actor: str
    scope: str


class TrailTable(Table):
    """Facts never change: no known_from, no known_to."""

    def __init__(self, row: type[TrailRow], *, name: str, ddl: str, extras: str) -> None:
        super().__init__(row, name=name, key=("position",), ddl=ddl, extras=extras)
        self.keys = f"ALTER TABLE {name} ADD CONSTRAINT {name}_pkey PRIMARY KEY (position);"
        self.columns = self.fields


TRAIL = TrailTable(
    TrailRow,
    name="trail",
    ddl="""
-- One row a fact. `scope` are the codes of the clusters it concerns, sorted, joined by commas.
CREATE TABLE trail (
    position bigint   NOT NULL,
    topic    text     COLLATE "C" NOT NULL,
    stream   uuid     NOT NULL,
    kind     smallint NOT NULL,
    actor    text     COLLATE "C" NOT NULL,
    scope    text     COLLATE "C" NOT NULL
);
-- The distinct scopes: which of them hold a cluster is found here first. They are few.
CREATE TABLE trail_scope (scope text COLLATE "C" PRIMARY KEY);
""",
    extras="""
CREATE INDEX trail_by_topic ON trail (topic, position);
CREATE INDEX trail_by_actor ON trail (actor, position);
CREATE INDEX trail_by_scope ON trail (scope, position);
""",
)


def scope(*clusters: Iterable[str]) -> str:
    """The clusters a fact concerns, as stored: `biotech,rail`."""
    return ",".join(sorted({code for codes in clusters for code in codes}))
