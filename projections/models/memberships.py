"""Memberships: spells in their phases, and the applications before them."""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple
from uuid import UUID

from ledger.domain.membership import Membership, Spell
from ledger.domain.streams import Kind
from projections.models.base import FOREVER, Model, Projected, Table


class MembershipRow(NamedTuple):
    """Days [valid_from, valid_to): one phase of the spell that began on spell_from."""

    organisation_id: UUID
    cluster: str
    status: str
    category: str | None
    spell_from: date
    cause: str | None
    valid_from: date
    valid_to: date


MEMBERSHIP = Table(
    MembershipRow,
    name="membership",
    key=("organisation_id", "cluster"),
    within=("valid_from",),
    ddl="""
-- Who was a member when, and since which position we knew it. Own facts only: a dissolution and a
-- cluster's closing cut the days when asked.
CREATE TABLE membership (
    organisation_id uuid   NOT NULL,
    cluster         text   COLLATE "C" NOT NULL,
    status          text   COLLATE "C" NOT NULL CHECK (status IN ('member', 'suspended')),
    category        text   COLLATE "C",
    spell_from      date   NOT NULL,
    cause           text   COLLATE "C",   -- why the spell ends; on its last phase only
    valid_from      date   NOT NULL,
    valid_to        date   NOT NULL,
    known_from      bigint NOT NULL,
    known_to        bigint NOT NULL,
    CHECK (valid_from < valid_to), CHECK (known_from < known_to)
);
""",
    extras="""
ALTER TABLE membership ADD CONSTRAINT membership_spells_never_overlap EXCLUDE USING gist (
    organisation_id WITH =, cluster WITH =,
    daterange(valid_from, valid_to) WITH &&, int8range(known_from, known_to) WITH &&);
CREATE INDEX membership_by_cluster ON membership (cluster, organisation_id);
""",
)


class ApplicationRow(NamedTuple):
    """Days [valid_from, valid_to) until the outcome; None: pending."""

    organisation_id: UUID
    cluster: str
    outcome: str | None
    valid_from: date
    valid_to: date


APPLICATION = Table(
    ApplicationRow,
    name="application",
    key=("organisation_id", "cluster"),
    within=("valid_from",),
    ddl="""
-- Who asked to become a member, from when until it was decided. Decided on its first day: no row.
CREATE TABLE application (
    organisation_id uuid   NOT NULL,
    cluster         text   COLLATE "C" NOT NULL,
    outcome         text   COLLATE "C",   -- NULL: pending
    valid_from      date   NOT NULL,
    valid_to        date   NOT NULL,
    known_from      bigint NOT NULL,
    known_to        bigint NOT NULL,
    CHECK (valid_from < valid_to), CHECK (known_from < known_to)
);
""",
    extras="CREATE INDEX application_by_cluster ON application (cluster, organisation_id);",
)


def _phases(key: tuple[Any, ...], spell: Spell, before: date) -> Iterator[MembershipRow]:
    """The phases of a spell, up to the day on which the next one begins."""
    end = min(spell.to_day or FOREVER, before)
    followers = [phase.from_day for phase in spell.phases[1:]]
    pieces = [
        (phase, min(following, end))
        for phase, following in zip(spell.phases, [*followers, FOREVER], strict=True)
        if phase.from_day < min(following, end)
    ]
    for phase, until in pieces:
        yield MembershipRow(
            organisation_id=key[0],
            cluster=key[1],
            status="suspended" if phase.suspended else "member",
            category=phase.category,
            spell_from=spell.from_day,
            cause=spell.cause if until == spell.to_day else None,
            valid_from=phase.from_day,
            valid_to=until,
        )


def rows(key: tuple[Any, ...], state: Membership) -> Iterator[Projected]:
    """One row a phase of a spell, one an application that was open on at least one day.

    Between two voids of one batch, an end may be gone and its admission still there: as known at
    that position the spell lasts until the next one begins, and no day is counted twice.
    """
    following = [spell.from_day for spell in state.spells[1:]]
    for spell, before in zip(state.spells, [*following, FOREVER], strict=False):
        for row in _phases(key, spell, before):
            yield Projected(MEMBERSHIP, row)
    for asked in state.applications:
        until = asked.to_day or FOREVER
        if asked.from_day < until:
            asking = ApplicationRow(key[0], key[1], asked.outcome, asked.from_day, until)
            yield Projected(APPLICATION, asking)


MODEL = Model(Kind.membership, (MEMBERSHIP, APPLICATION), rows, edition=2)
