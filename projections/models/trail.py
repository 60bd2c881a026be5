"""The trail's index: every fact with what one filters by. The facts themselves stay in the book.

The only read model that is not a function of one stream: an attendance concerns the organisers of
its activity, an enrolment the clusters of its project, as known at its position.
"""

from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Final, NamedTuple

from ledger.domain.facts import AttendanceRecorded
from projections.models.base import Table


@lru_cache(10_000)
def name_id(name: str) -> int:
    """The number that stands for a topic, an actor or a scope in the trail: the same everywhere, as
    it is made of the text alone. 64 bits of SHA-256; two names with one id would be refused.
    """
    return int.from_bytes(sha256(name.encode()).digest()[:8], "big", signed=True)


class TrailRow(NamedTuple):
    """One fact. `topic`, `actor` and `scope` are ids of names; `kind` is its stream's
    (ledger.domain.streams.Kind)."""

    position: int
    topic: int
    actor: int
    scope: int
    kind: int


class TrailTable(Table):
    """Facts never change: no known_from, no known_to."""

    def __init__(self, row: type[TrailRow], *, name: str, ddl: str, extras: str) -> None:
        super().__init__(row, name=name, key=("position",), ddl=ddl, extras=extras)
        self.keys = f"ALTER TABLE {name} ADD CONSTRAINT {name}_pkey PRIMARY KEY (position);"
        self.columns = self.fields


USUAL: Final = name_id(AttendanceRecorded.topic)
"""Most facts have this topic: no index leads to them, as they are everywhere."""

TRAIL: Final = TrailTable(
    TrailRow,
    name="trail",
    ddl="""
-- One row a fact, as narrow as can be. Texts are in trail_name; `scope` is that of the codes of the
-- clusters the fact concerns, sorted, joined by commas.
CREATE TABLE trail (
    position bigint   NOT NULL,
    topic    bigint   NOT NULL,
    actor    bigint   NOT NULL,
    scope    bigint   NOT NULL,
    kind     smallint NOT NULL
);
-- The texts of all topics, actors and scopes, by the ids made of them. They are few: which scopes
-- hold a cluster is found here first.
CREATE TABLE trail_name (
    id   bigint PRIMARY KEY,
    name text   COLLATE "C" NOT NULL UNIQUE
);
""",
    extras=f"""
CREATE INDEX trail_by_topic ON trail (topic, position) WHERE topic <> {USUAL};
CREATE INDEX trail_by_actor ON trail (actor, position);
CREATE INDEX trail_by_scope ON trail (scope, position);
""",
)


def scope(*clusters: Iterable[str]) -> str:
    """The clusters a fact concerns, as stored: `biotech,rail`."""
    return ",".join(sorted({code for codes in clusters for code in codes}))
