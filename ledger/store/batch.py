"""What a batch is made of: slips going in, what they ask for, facts known, mentions made."""

from typing import NamedTuple
from uuid import UUID

from msgspec import Struct

from ledger.domain import facts as f
from ledger.domain.commands import Command, Incoming
from ledger.domain.streams import Kind, streams_of
from ledger.store import codec


class Slip(Struct, frozen=True, gc=False):
    """A posted fact with its idempotency key and stream; a void's stream is its target's."""

    incoming: Incoming
    key: bytes
    kind: Kind | None
    stream: UUID | None


def slips_of(space: UUID, command: Command) -> tuple[Slip, ...]:
    """A command's facts with their keys and streams: worked out by the thread that submits."""
    own = [it.fact for it in command.facts if type(it.fact) is not f.FactVoided]
    streams = iter(streams_of(space, own))
    slips = []
    for incoming in command.facts:
        key = codec.event_digest(incoming.source, incoming.id)
        if type(incoming.fact) is f.FactVoided:
            slips.append(Slip(incoming, key, None, None))
        else:
            slips.append(Slip(incoming, key, *next(streams)))
    return tuple(slips)


class Wanted(NamedTuple):
    """What a batch asks the book for: event keys, streams not kept, persons.

    `firsts` are streams, not kept either, of attendances that were recorded: nearly all begin with
    this batch. And where rules will look further: the keys of facts to be voided, projects, and
    organisations to be dissolved.
    """

    keys: list[bytes]
    streams: dict[int, UUID]
    firsts: dict[int, UUID]
    persons: list[UUID]
    targets: list[bytes]
    projects: dict[int, UUID]
    dissolved: dict[int, UUID]
