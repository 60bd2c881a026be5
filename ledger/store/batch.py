"""What a batch is made of: slips going in, what they ask for, facts known, mentions made."""

from itertools import islice
from typing import Final, Generic, NamedTuple, TypeVar
from uuid import UUID

from msgspec import Struct

from ledger.domain import facts as f
from ledger.domain.commands import Command, Incoming
from ledger.domain.streams import Kind, stream_of
from ledger.store import codec

Mention = tuple[UUID, int, UUID]
"""A stream named an entity for the first time: (entity, kind of stream, stream)."""
AttendanceMention = tuple[UUID, UUID | None, UUID]
"""An attendance named these two together for the first time: (activity, organisation, stream)."""
M = TypeVar("M", Mention, AttendanceMention)

MENTIONING: Final = """
SELECT kind, stream FROM ledger.mention WHERE entity = %(entity)s AND kind = ANY(%(kinds)s)
UNION SELECT 5, stream FROM ledger.attendance_mention
    WHERE activity = %(entity)s AND 5 = ANY(%(kinds)s)
UNION SELECT 5, stream FROM ledger.attendance_mention
    WHERE organisation = %(entity)s AND 5 = ANY(%(kinds)s)
ORDER BY kind, stream
"""
"""The streams of some kinds that ever named an entity, with their kind."""


class Mentions(Generic[M]):
    """A batch's mentions: which are accepted, which are sent, and an index by entity when asked.

    The first `entities` members of a mention are the entities, the last is the stream.
    """

    def __init__(self, entities: int) -> None:
        self.items: list[M] = []
        self._entities = entities
        self._accepted = 0
        self._sent = 0
        self._index: dict[object, list[M]] = {}
        self._indexed = 0

    def of(self, entity: UUID) -> list[M]:
        """The batch's mentions of one entity."""
        for mention in islice(self.items, self._indexed, None):
            for named in mention[: self._entities]:
                self._index.setdefault(named, []).append(mention)
        self._indexed = len(self.items)
        return self._index.get(entity, [])

    def accept(self) -> None:
        """The command stands."""
        self._accepted = len(self.items)

    def drop(self) -> None:
        """Forget what is not accepted."""
        if self._indexed > self._accepted:
            self._index.clear()
            self._indexed = 0
        del self.items[self._accepted :]

    def drain(self) -> list[M]:
        """The accepted mentions that were not sent before."""
        new = self.items[self._sent : self._accepted]
        self._sent = self._accepted
        return new


class Slip(Struct, frozen=True, gc=False):
    """A posted fact with its idempotency key and stream; a void's stream is its target's."""

    incoming: Incoming
    key: bytes
    kind: Kind | None
    stream: UUID | None


def slips_of(space: UUID, command: Command) -> tuple[Slip, ...]:
    """A command's facts with their keys and streams: worked out by the thread that submits."""
    slips = []
    for incoming in command.facts:
        key = codec.event_digest(incoming.source, incoming.id)
        if isinstance(incoming.fact, f.FactVoided):
            slips.append(Slip(incoming, key, None, None))
        else:
            slips.append(Slip(incoming, key, *stream_of(space, incoming.fact)))
    return tuple(slips)


class Wanted(NamedTuple):
    """What a batch certainly asks the book for: event keys, streams not kept, persons."""

    keys: list[bytes]
    streams: dict[int, UUID]
    persons: list[UUID]
