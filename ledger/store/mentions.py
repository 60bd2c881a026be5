"""Which streams ever named an entity: in the book, and by the facts of the batch at hand.

What rules over several streams look at. Kept between batches, as streams are; attendances are not:
they are many, and seldom asked for.
"""

from collections.abc import Collection, Iterable
from itertools import islice
from typing import Final, Generic, TypeVar
from uuid import UUID

from ledger.domain.decide import Stream
from ledger.domain.facts import Fact
from ledger.domain.streams import Kind, attended, mentions
from ledger.store.arrays import UuidArray
from ledger.store.kept import Kept
from ledger.store.line import Line

Mention = tuple[UUID, int, UUID]
"""A stream named an entity for the first time: (entity, kind of stream, stream)."""
AttendanceMention = tuple[UUID, UUID | None, UUID]
"""An attendance named these two together for the first time: (activity, organisation, stream)."""
M = TypeVar("M", Mention, AttendanceMention)

KEPT_ENTITIES_MAX: Final = 50_000
_NAMING: Final = "SELECT entity, stream, kind FROM ledger.mention WHERE entity = ANY(%s)"
_ATTENDING: Final = """
SELECT stream FROM ledger.attendance_mention WHERE activity = %(entity)s
UNION SELECT stream FROM ledger.attendance_mention WHERE organisation = %(entity)s
"""


class _Batch(Generic[M]):
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


class Mentions:
    """The book's mentions, as a writer knows them under the head lock.

    For each batch `begin`; for each command facts are put and `accept`ed, or `drop`ped; after the
    commit `keep`.
    """

    _line: Line

    def __init__(self, space: UUID) -> None:
        self._space = space
        self._kept: Kept[dict[UUID, int]] = Kept(KEPT_ENTITIES_MAX)
        """By entity: the streams that name it, with their kind."""
        self.clear_batch()

    def forget(self) -> None:
        """Nothing kept can be trusted: others wrote, or a transaction failed."""
        self._kept.clear()

    def clear_batch(self) -> None:
        """No batch is at hand."""
        self._entities: _Batch[Mention] = _Batch(1)
        self._attendances: _Batch[AttendanceMention] = _Batch(2)
        self._attending: dict[UUID, list[UUID]] = {}
        self._named: dict[int, set[object]] = {}

    def begin(self, line: Line) -> None:
        """Start a batch on a line."""
        self._line = line

    def streams(self, entity: UUID, kinds: Collection[Kind]) -> dict[UUID, Kind]:
        """The streams of these kinds that ever named an entity, by id, in the order of ids."""
        found = {s: Kind(k) for s, k in self._naming(entity).items() if k in kinds}
        found |= {s: Kind(k) for _, k, s in self._entities.of(entity) if k in kinds}
        if Kind.attendance in kinds:
            found |= dict.fromkeys(self._attended(entity), Kind.attendance)
            found |= {s: Kind.attendance for *_, s in self._attendances.of(entity)}
        return dict(sorted(found.items(), key=lambda item: (item[1], item[0])))

    def _naming(self, entity: UUID) -> dict[UUID, int]:
        kept = self._kept.get(entity.int)
        return self._read([entity])[entity] if kept is None else kept

    def know(self, entities: Iterable[UUID]) -> None:
        """Read who names these entities, where that is not known."""
        missing = [entity for entity in entities if self._kept.get(entity.int) is None]
        if missing:
            self._read(missing)

    def _read(self, entities: list[UUID]) -> dict[UUID, dict[UUID, int]]:
        naming: dict[UUID, dict[UUID, int]] = {entity: {} for entity in entities}
        with self._line.reading() as curs:
            curs.execute(_NAMING, (UuidArray.of(entities),), prepare=True)
            for entity, stream, kind in curs:
                naming[entity][stream] = kind
        for entity, streams in naming.items():
            self._kept.put(entity.int, streams)
        return naming

    def know_new(self, entity: UUID) -> None:
        """Nobody named this entity before the batch at hand."""
        if self._kept.get(entity.int) is None:
            self._kept.put(entity.int, {})

    def _attended(self, entity: UUID) -> list[UUID]:
        if entity not in self._attending:
            with self._line.reading() as curs:
                curs.execute(_ATTENDING, {"entity": entity}, prepare=True)
                self._attending[entity] = [stream for (stream,) in curs]
        return self._attending[entity]

    def put(self, fact: Fact, stream: Stream) -> None:
        """What a stream's last fact names for the first time."""
        if stream.kind is Kind.attendance:
            pair = attended(fact)
            if pair is not None and pair not in (named := self._named_in(stream)):
                named.add(pair)
                self._attendances.items.append((*pair, stream.id))
            return
        entities = mentions(self._space, fact)
        if not entities:
            return
        named, number, id = self._named_in(stream), int(stream.kind), stream.id
        self._entities.items.extend((e, number, id) for e in entities if e not in named)
        named.update(entities)

    def _named_in(self, stream: Stream) -> set[object]:
        """What a stream's facts but the last name, worked out once a command."""
        named = self._named.get(stream.id.int)
        if named is None:
            earlier = [entry.fact for entry in stream.entries[:-1]]
            if stream.kind is Kind.attendance:
                named = {attended(fact) for fact in earlier}
            else:
                named = {e for fact in earlier for e in mentions(self._space, fact)}
            self._named[stream.id.int] = named
        return named

    def put_attendance(self, activity_id: UUID, organisation_id: UUID | None, stream: UUID) -> None:
        """The same for the first fact of an attendance."""
        self._attendances.items.append((activity_id, organisation_id, stream))

    def accept(self) -> None:
        """The command stands."""
        self._named.clear()
        self._entities.accept()
        self._attendances.accept()

    def drop(self) -> None:
        """The command does not."""
        self._named.clear()
        self._entities.drop()
        self._attendances.drop()

    def drain(self) -> tuple[list[Mention], list[AttendanceMention]]:
        """What is not yet on its way to the database."""
        return self._entities.drain(), self._attendances.drain()

    def keep(self) -> None:
        """The batch is committed: what is kept follows it."""
        for entity, kind, stream in self._entities.items:
            kept = self._kept.get(entity.int)
            if kept is not None:
                kept[stream] = kind
        self._kept.age()
