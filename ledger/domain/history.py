"""A stream's history: its facts, which of them stand, and whether they are lawful.

A stream is folded from its unvoided facts known at a position, in order of (effective day,
position).
"""

from collections.abc import Callable, Iterable, Sequence
from datetime import date
from typing import Generic, NamedTuple, TypeVar
from uuid import UUID

from msgspec import Struct

from ledger.domain.facts import AttendanceVoided, Fact, FactVoided
from ledger.domain.refusals import Refusal
from ledger.domain.streams import effective_day

VOIDS = (FactVoided, AttendanceVoided)


class Entry(Struct, frozen=True, gc=False):
    """A fact with its envelope: what a leaf says."""

    position: int
    version: int
    stream: UUID
    source: str
    id: str
    actor: str
    recorded_at: str
    fact: Fact
    causation: str | None = None
    correlation: str | None = None

    @property
    def event(self) -> tuple[str, str]:
        """(source, id): unique in the ledger."""
        return self.source, self.id

    @property
    def originator_id(self) -> UUID:
        """The stream, as the eventsourcing library calls it."""
        return self.stream

    @property
    def originator_version(self) -> int:
        """The version, as the eventsourcing library calls it."""
        return self.version


def order(entry: Entry) -> tuple[date, int]:
    """The place of a fact in its stream's fold."""
    return effective_day(entry.fact), entry.position


def voided(entries: Iterable[Entry]) -> dict[tuple[str, str], Entry]:
    """The facts that were voided, each with its void: `{(source, id): void}`.

    Takes entries in version order.
    """
    gone: dict[tuple[str, str], Entry] = {}
    earlier: list[tuple[str, str]] = []
    for entry in entries:
        fact = entry.fact
        if isinstance(fact, FactVoided):
            gone.setdefault((fact.target_source or entry.source, fact.target), entry)
        elif isinstance(fact, AttendanceVoided):
            for event in earlier:
                gone.setdefault(event, entry)
        else:
            earlier.append(entry.event)
    return gone


def standing(entries: Sequence[Entry]) -> list[Entry]:
    """The unvoided facts in the order of their fold; voids themselves left out.

    Takes entries in version order.
    """
    if len(entries) == 1:
        return [] if isinstance(entries[0].fact, VOIDS) else list(entries)
    gone = voided(entries)
    return sorted(
        (e for e in entries if e.event not in gone and not isinstance(e.fact, VOIDS)), key=order
    )


S = TypeVar("S")


class Law(NamedTuple, Generic[S]):
    """How one kind of stream folds, and what it refuses."""

    initial: S
    evolve: Callable[[S, Fact], S]
    """Takes a fact in; never refuses: it happened."""
    objection: Callable[[S, Fact], Refusal | None]
    """What speaks against a fact in the state before it."""
    flaw: Callable[[S], Refusal | None]
    """What is wrong with a whole stream's state."""


def fold(law: Law[S], entries: Iterable[Entry]) -> S:
    """The state that standing facts, in fold order, amount to."""
    state = law.initial
    for entry in entries:
        state = law.evolve(state, entry.fact)
    return state


class Unlawful(NamedTuple):
    """The first fact that speaks against the others, and why; None: the whole state does."""

    refusal: Refusal
    entry: Entry | None


def lawful(law: Law[S], entries: Iterable[Entry]) -> S | Unlawful:
    """The state of standing facts in fold order, or the first objection to one of them."""
    state = law.initial
    for entry in entries:
        refusal = law.objection(state, entry.fact)
        if refusal is not None:
            return Unlawful(refusal, entry)
        state = law.evolve(state, entry.fact)
    refusal = law.flaw(state)
    return state if refusal is None else Unlawful(refusal, None)
