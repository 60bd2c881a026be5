"""Organisations: their classes over time, and with which others they are one."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from ledger.domain.organisation import Organisation
from ledger.domain.streams import Kind
from projections.models.base import ALWAYS, Model, Projected, Table, spans


class OrganisationRow(NamedTuple):
    """Days [valid_from, valid_to) under one profile."""

    organisation_id: UUID
    name: str | None
    kind: str | None
    nuts3: str | None
    ags: str | None
    spatial: str | None
    size_class: str | None
    nace: str | None
    identifiers: tuple[str, ...]
    dissolved_on: date | None
    valid_from: date
    valid_to: date


ORGANISATION = Table(
    OrganisationRow,
    name="organisation",
    key=("organisation_id",),
    within=("valid_from",),
    ddl="""
-- What an organisation was on a day: yesterday's class is still there tomorrow. NULL is unknown; a
-- row from before the registration may lack its name. A dissolution ends the last row; one on the
-- first day leaves a row of no day, from which it is known to be dissolved.
CREATE TABLE organisation (
    organisation_id uuid   NOT NULL,
    name            text   COLLATE "C",
    kind            text   COLLATE "C",
    nuts3           text   COLLATE "C",
    ags             text   COLLATE "C",
    spatial         text   COLLATE "C",
    size_class      text   COLLATE "C",
    nace            text   COLLATE "C",
    identifiers     text[] COLLATE "C" NOT NULL,
    dissolved_on    date,
    valid_from      date   NOT NULL,
    valid_to        date   NOT NULL,
    known_from      bigint NOT NULL,
    known_to        bigint NOT NULL,
    CHECK (valid_from <= valid_to), CHECK (known_from < known_to)
);
""",
    extras="""
ALTER TABLE organisation ADD CONSTRAINT organisation_one_profile_a_day EXCLUDE USING gist (
    organisation_id WITH =,
    daterange(valid_from, valid_to) WITH &&, int8range(known_from, known_to) WITH &&);
CREATE INDEX organisation_by_part_of_name ON organisation
    USING gin (ledger.folded(name) gin_trgm_ops);
""",
)


class EdgeRow(NamedTuple):
    """`organisation_id` is `target` from valid_from on."""

    organisation_id: UUID
    target: UUID
    relation: str
    valid_from: date


EDGE = Table(
    EdgeRow,
    name="identity_edge",
    key=("organisation_id",),
    within=("relation",),
    ddl="""
-- Which record is which other organisation: a duplicate always was, a merger acts from its day on.
CREATE TABLE identity_edge (
    organisation_id uuid   NOT NULL,
    target          uuid   NOT NULL,
    relation        text   COLLATE "C" NOT NULL CHECK (relation IN ('duplicate', 'merger')),
    valid_from      date   NOT NULL,   -- of a duplicate: -infinity
    known_from      bigint NOT NULL,
    known_to        bigint NOT NULL,
    CHECK (known_from < known_to)
);
""",
    extras="CREATE INDEX identity_edge_by_target ON identity_edge (target);",
)


class SplitRow(NamedTuple):
    """`organisation_id` was divided; `heir` is one of its parts."""

    organisation_id: UUID
    heir: UUID
    valid_from: date


SPLIT = Table(
    SplitRow,
    name="organisation_split",
    key=("organisation_id",),
    within=("heir",),
    ddl="""
-- Into which others an organisation was divided, and from which day on.
CREATE TABLE organisation_split (
    organisation_id uuid   NOT NULL,
    heir            uuid   NOT NULL,
    valid_from      date   NOT NULL,
    known_from      bigint NOT NULL,
    known_to        bigint NOT NULL,
    CHECK (known_from < known_to)
);
""",
    extras="CREATE INDEX organisation_split_by_heir ON organisation_split (heir);",
)


def rows(key: tuple[Any, ...], state: Organisation) -> Iterator[Projected]:
    """One row a profile, one an edge of identity, one an heir of a split."""
    if not state.exists:
        return
    who: UUID = key[0]
    for p, day, until in spans(state.profiles, state.dissolved_on):
        profile = (p.name, p.kind, p.nuts3, p.ags, p.spatial, p.size_class, p.nace)
        yield Projected(
            ORGANISATION,
            OrganisationRow(who, *profile, state.identifiers, state.dissolved_on, day, until),
        )
    if state.duplicate_of is not None:
        yield Projected(EDGE, EdgeRow(who, state.duplicate_of, "duplicate", ALWAYS))
    if state.merged_into is not None and state.merged_on is not None:
        yield Projected(EDGE, EdgeRow(who, state.merged_into, "merger", state.merged_on))
    if state.split_on is not None:
        for heir in dict.fromkeys(state.split_into):
            yield Projected(SPLIT, SplitRow(who, heir, state.split_on))


MODEL = Model(Kind.organisation, (ORGANISATION, EDGE, SPLIT), rows, edition=2)
