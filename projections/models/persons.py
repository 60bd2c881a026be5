"""Persons: which references name one person. Who that is stands nowhere here."""

from collections.abc import Iterator
from typing import Any, NamedTuple
from uuid import UUID

from ledger.domain.others import Person
from ledger.domain.streams import Kind
from projections.models.base import Model, Projected, Table


class PersonEdgeRow(NamedTuple):
    """`person_ref` is the same person as `target`, and always was."""

    person_ref: UUID
    target: UUID


PERSON_EDGE = Table(
    PersonEdgeRow,
    name="person_edge",
    key=("person_ref",),
    ddl="""
-- Duplicates among references to persons: an error of identity, so without days.
CREATE TABLE person_edge (
    person_ref uuid   NOT NULL,
    target     uuid   NOT NULL,
    known_from bigint NOT NULL,
    known_to   bigint NOT NULL,
    CHECK (known_from < known_to)
);
""",
)


def rows(key: tuple[Any, ...], state: Person) -> Iterator[Projected]:
    """One row where the reference is marked as a duplicate."""
    if state.duplicate_of is not None:
        yield Projected(PERSON_EDGE, PersonEdgeRow(key[0], state.duplicate_of))


MODEL = Model(Kind.person, (PERSON_EDGE,), rows)
