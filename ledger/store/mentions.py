"""Which streams ever named an entity: in the book, and by the facts of the batch at hand.

What rules over several streams look at. Kept between batches, as streams are; attendances are not:
they are many, and seldom asked for.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple
from uuid import UUID

from ledger.domain.decide import Stream
from ledger.domain.facts import Fact
from ledger.domain.streams import Kind, mentions
from ledger.store.arrays import BigintArray, UuidArray
from ledger.store.kept import Kept
from ledger.store.line import Line

KEPT_ENTITIES_MAX: Final = 50_000
# Nine facts in ten are attendances: a global is cheaper than an enumeration's member.
_ATTENDANCE: Final = Kind.attendance
_NAMING: Final = """
SELECT entity, stream, kind FROM ledger.mention, unnest(streams) AS stream
WHERE entity = ANY(%s) AND kind = ANY(%s)
"""
_KEPT_KINDS: Final = BigintArray.of([kind for kind in Kind if kind is not _ATTENDANCE])


class Mention(NamedTuple):
    """A row of ledger.mention: streams of a kind that named an entity, first in this batch."""

    entity: int
    """The number of its id."""
    kind: int
    streams: list[UUID]


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
        self._batch: dict[int, defaultdict[int, list[UUID]]] = {
            kind: defaultdict(list) for kind in Kind
        }
        """By kind and entity: the streams that this batch's facts let name it."""
        self._put: list[list[UUID]] = []
        """Of these the lists that the command at hand made longer, once for each stream."""
        self._attending: dict[int, list[UUID]] = {}
        self._named: dict[int, set[UUID]] = {}

    def begin(self, line: Line) -> None:
        """Start a batch on a line."""
        self._line = line

    def streams(self, entity: UUID, kinds: Collection[Kind]) -> dict[UUID, Kind]:
        """The streams of these kinds that ever named an entity, by id, in the order of ids."""
        found = {s: Kind(k) for s, k in self._naming(entity).items() if k in kinds}
        if _ATTENDANCE in kinds:
            found |= dict.fromkeys(self._attended(entity), _ATTENDANCE)
        for kind in kinds:
            found |= dict.fromkeys(self._batch[kind].get(entity.int, ()), kind)
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
            curs.execute(_NAMING, (UuidArray.of(entities), _KEPT_KINDS), prepare=True)
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
        known = self._attending.get(entity.int)
        if known is None:
            with self._line.reading() as curs:
                attendances = BigintArray.of([_ATTENDANCE])
                curs.execute(_NAMING, (UuidArray.of([entity]), attendances), prepare=True)
                known = self._attending[entity.int] = [stream for _, stream, _ in curs]
        return known

    def put(self, fact: Fact, stream: Stream) -> None:
        """What a stream's last fact names for the first time."""
        entities = mentions(self._space, fact)
        if not entities:
            return
        named = self._named_in(stream)
        for entity in entities:
            if entity not in named:
                streams = self._batch[stream.kind][entity.int]
                streams.append(stream.id)
                self._put.append(streams)
        named.update(entities)

    def _named_in(self, stream: Stream) -> set[UUID]:
        """What a stream's facts but the last name, worked out once a command."""
        named = self._named.get(stream.id.int)
        if named is None:
            named = self._named[stream.id.int] = {
                entity
                for entry in stream.entries[:-1]
                for entity in mentions(self._space, entry.fact)
            }
        return named

    def put_attendance(self, activity_id: UUID, organisation_id: UUID | None, stream: UUID) -> None:
        """The same for the first fact of an attendance."""
        named, put = self._batch[_ATTENDANCE], self._put
        streams = named[activity_id.int]
        streams.append(stream)
        put.append(streams)
        if organisation_id is not None:
            streams = named[organisation_id.int]
            streams.append(stream)
            put.append(streams)

    def accept(self) -> None:
        """The command stands."""
        self._named.clear()
        self._put.clear()

    def drop(self) -> None:
        """The command does not."""
        self._named.clear()
        for streams in self._put:
            streams.pop()
        self._put.clear()

    def rows(self) -> list[Mention]:
        """What the batch leaves behind."""
        return [
            Mention(entity, kind, streams)
            for kind, named in self._batch.items()
            for entity, streams in named.items()
            if streams
        ]

    def keep(self) -> None:
        """The batch is committed: what is kept follows it."""
        for kind, named in self._batch.items():
            for entity, streams in named.items() if kind != _ATTENDANCE else ():
                kept = self._kept.get(entity)
                if kept is not None:
                    kept.update(dict.fromkeys(streams, kind))
        self._kept.age()
