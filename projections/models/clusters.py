"""Clusters: under which name, from when to when."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

from ledger.domain.cluster import Cluster
from ledger.domain.streams import Kind
from projections.models.base import Model, Projected, Table, spans


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
-- Which clusters the programme had on a day, and their names. A closing ends the last row; one by
-- the first day leaves a row of no day, from which it is known to be closed.
CREATE TABLE cluster (
    cluster    text   COLLATE "C" NOT NULL,
    name       text   COLLATE "C" NOT NULL,
    valid_from date   NOT NULL,
    valid_to   date   NOT NULL,
    known_from bigint NOT NULL,
    known_to   bigint NOT NULL,
    CHECK (valid_from <= valid_to), CHECK (known_from < known_to)
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
    for name, day, until in spans(state.names, state.closed_on):
        yield Projected(CLUSTER, ClusterRow(key[0], name, day, until))


MODEL = Model(Kind.cluster, (CLUSTER,), rows, edition=2)
