"""Clusters: under which name, from when to when."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from ledger.domain.cluster import Cluster
from ledger.domain.streams import Kind
from projections.models.base import FOREVER, Model, Projected, Table


class ClusterRow(NamedTuple):
    """Days [valid_from, valid_to) under one name."""

    cluster: str
    name: str
    valid_from: date
    valid_to: date


CLUSTER = Table(
    ClusterRow,
    name="cluster",
    key=("cluster",),
    within=("valid_from",),
    ddl="""
-- Which clusters the programme had on a day, and their names. A closing ends the last row.
CREATE TABLE cluster (
    cluster    text   COLLATE "C" NOT NULL,
    name       text   COLLATE "C" NOT NULL,
    valid_from date   NOT NULL,
    valid_to   date   NOT NULL,
    known_from bigint NOT NULL,
    known_to   bigint NOT NULL,
    CHECK (valid_from < valid_to), CHECK (known_from < known_to)
);
""",
    extras="""
ALTER TABLE cluster ADD CONSTRAINT cluster_one_name_a_day EXCLUDE USING gist (
    cluster WITH =,
    daterange(valid_from, valid_to) WITH &&, int8range(known_from, known_to) WITH &&);
""",
)


def rows(key: tuple[Any, ...], state: Cluster) -> Iterator[Projected]:
    """One row a name. Of several names from one day the last one holds."""
    if not state.exists:
        return
    end = state.closed_on or FOREVER
    followers = [day for day, _ in state.names[1:]]
    for (day, name), following in zip(state.names, [*followers, FOREVER], strict=True):
        until = min(following, end)
        if day < until:
            yield Projected(CLUSTER, ClusterRow(key[0], name, day, until))


MODEL = Model(Kind.cluster, (CLUSTER,), rows)
