"""The writer's desk: what it knows under the head lock, and the facts of the batch at hand.

Streams are kept between batches. They are valid as long as no other process wrote: facts that came
in since are looked up by position, and their streams dropped. Attendances are not kept: one is
seldom written twice.

Three layers, so that a refused command leaves no trace: `_command` over `_batch` over `_kept`.
"""

from collections.abc import Iterable
from datetime import date, datetime
from functools import lru_cache
from typing import Any, Final, NamedTuple
from uuid import UUID
from zoneinfo import ZoneInfo

from psycopg import Cursor

from ledger.domain import facts as f
from ledger.domain.activity import Activity
from ledger.domain.cluster import Cluster
from ledger.domain.commands import Command
from ledger.domain.consequences import Change
from ledger.domain.decide import Stream
from ledger.domain.history import Entry
from ledger.domain.laws import LAWS
from ledger.domain.organisation import Organisation
from ledger.domain.project import Project
from ledger.domain.streams import STREAMS, UNDATED, Kind, mentions, stream_id
from ledger.store import codec
from ledger.store.book import Row, read_streams

KEPT_STREAMS_MAX: Final = 50_000
CATCH_UP_FACTS_MAX: Final = 5_000
BERLIN: Final = ZoneInfo("Europe/Berlin")


class Known(NamedTuple):
    """A fact that stands in the book, or will with this batch."""

    leaf: bytes
    leaf_hash: bytes


class Mention(NamedTuple):
    """A stream named an entity for the first time."""

    entity: UUID
    kind: int
    stream: UUID


class Desk:
    """Implements ledger.domain.decide.World on PostgreSQL.

    One batch at a time: `begin`, then for each command `start`, changes, and `accept` or `drop`;
    after the commit `keep`, after a failure `forget`.
    """

    head: int
    today: date
    stamp: str
    recorded_at: datetime

    def __init__(self, space: UUID) -> None:
        self.space = space
        self.position = 0
        self._kept: dict[UUID, Stream] = {}
        self.stream_id = lru_cache(maxsize=100_000)(self._stream_id)
        self.forget()

    def forget(self) -> None:
        """Drop everything: after a failed transaction nothing kept can be trusted."""
        self._kept.clear()
        self.position = -1
        self._clear_batch()

    def _clear_batch(self) -> None:
        self.rows: list[Row] = []
        self.mentions: list[Mention] = []
        self._mentioned: dict[UUID, dict[UUID, int]] = {}
        self.seats: dict[UUID, int] = {}
        self.erased: list[UUID] = []
        self._known: dict[UUID, Known] = {}
        self._batch: dict[UUID, Stream] = {}
        self._fetched: dict[UUID, Stream] = {}
        self._seats_read: dict[UUID, int] = {}
        self._erased_read: set[UUID] = set()
        self.start()

    # The batch

    def wanted(self, commands: Iterable[Command]) -> tuple[list[UUID], list[UUID], list[UUID]]:
        """What a batch certainly asks for: event keys, streams not kept, persons."""
        keys: list[UUID] = []
        streams: set[UUID] = set()
        persons: set[UUID] = set()
        for command in commands:
            for incoming in command.facts:
                fact = incoming.fact
                keys.append(codec.event_key(incoming.source, incoming.id))
                if isinstance(fact, f.FactVoided):
                    keys.append(codec.event_key(fact.target_source or incoming.source, fact.target))
                    continue
                streams.update(self._streams_of(fact))
                person = getattr(fact, "person_ref", None)
                if person is not None:
                    persons.add(person)
        return keys, [s for s in streams if s not in self._kept], list(persons)

    def _streams_of(self, fact: f.Fact) -> Iterable[UUID]:
        kind, key = STREAMS[type(fact)]
        if kind is Kind.attendance:
            yield stream_id(self.space, kind, *key(fact))
            yield self.stream_id(Kind.activity, fact.activity_id)  # type: ignore[attr-defined]  # all have it
        else:
            yield self.stream_id(kind, *key(fact))
        organisation_id = getattr(fact, "organisation_id", None)
        if organisation_id is not None:
            yield self.stream_id(Kind.organisation, organisation_id)

    def begin(
        self,
        curs: Cursor[Any],
        *,
        position: int,
        recorded_at: datetime,
        known: Iterable[tuple[UUID, bytes, bytes]],
        streams: dict[UUID, list[Entry]],
        asked: Iterable[UUID],
        erased: Iterable[UUID],
    ) -> None:
        """Start a batch under the head lock, with what `wanted` asked for."""
        self._clear_batch()
        self._curs = curs
        self._catch_up(position)
        self.position = self.head = position
        self.recorded_at = recorded_at
        self.stamp = f"{recorded_at:%Y-%m-%dT%H:%M:%S.%fZ}"
        self.today: date = recorded_at.astimezone(BERLIN).date()
        self._known = {key: Known(leaf, leaf_hash) for key, leaf, leaf_hash in known}
        for stream in asked:
            entries = streams.get(stream)
            self._fetched[stream] = Stream.of(entries) if entries else _NOTHING
        self._erased_read = set(erased)

    def _catch_up(self, position: int) -> None:
        """Drop the streams that other processes wrote to since the last batch."""
        if position == self.position or not self._kept:
            return
        if self.position < 0 or position - self.position > CATCH_UP_FACTS_MAX:
            self._kept.clear()
            return
        self._curs.execute(
            "SELECT DISTINCT originator_id FROM ledger.facts WHERE notification_id > %s",
            (self.position,),
        )
        for (stream,) in self._curs.fetchall():
            self._kept.pop(stream, None)

    def keep(self) -> None:
        """The batch is committed: what it changed or read is worth keeping."""
        for streams in (self._fetched, self._batch):
            for key, stream in streams.items():
                if stream is not _NOTHING and stream.kind is not Kind.attendance:
                    self._kept.pop(key, None)
                    self._kept[key] = stream
        surplus = len(self._kept) - KEPT_STREAMS_MAX
        if surplus > 0:
            for key in list(self._kept)[: surplus + KEPT_STREAMS_MAX // 10]:
                del self._kept[key]
        self._clear_batch()

    # The world that rules look at

    def _stream_id(self, kind: Kind, *key: object) -> UUID:
        return stream_id(self.space, kind, *key)

    def stream(self, kind: Kind, id: UUID) -> Stream:
        """A stream with this command's facts; an empty one where there is none yet."""
        found = (
            self._command.get(id)
            or self._batch.get(id)
            or self._kept.get(id)
            or self._fetched.get(id)
        )
        if found is None:
            entries = read_streams(self._curs, [id]).get(id)
            found = self._fetched[id] = Stream.of(entries) if entries else _NOTHING
        if found is _NOTHING:
            return Stream(kind, id, [], LAWS[kind].initial, UNDATED)
        return found

    def cluster(self, code: str) -> Cluster:
        """The state of a cluster, this command's facts included."""
        state: Cluster = self.stream(Kind.cluster, self.stream_id(Kind.cluster, code)).state
        return state

    def organisation(self, organisation_id: UUID) -> Organisation:
        """The state of an organisation."""
        id = self.stream_id(Kind.organisation, organisation_id)
        state: Organisation = self.stream(Kind.organisation, id).state
        return state

    def activity(self, activity_id: UUID) -> Activity:
        """The state of an activity."""
        state: Activity = self.stream(
            Kind.activity, self.stream_id(Kind.activity, activity_id)
        ).state
        return state

    def project(self, project_id: UUID) -> Project:
        """The state of a project."""
        state: Project = self.stream(Kind.project, self.stream_id(Kind.project, project_id)).state
        return state

    def mentioning(self, entity: UUID, kinds: Iterable[Kind] | None = None) -> list[Stream]:
        """Streams that ever named an entity, this command's included."""
        wanted = [int(k) for k in (kinds or Kind)]
        self._curs.execute(
            "SELECT kind, stream FROM ledger.mention WHERE entity = %s AND kind = ANY(%s)"
            " ORDER BY kind, stream",
            (entity, wanted),
        )
        found: dict[UUID, int] = {stream: kind for kind, stream in self._curs.fetchall()}
        found.update(self._mentioned.get(entity, {}))
        found.update(self._mentioned_now.get(entity, {}))
        return [self.stream(Kind(k), s) for s, k in found.items() if k in wanted]

    def is_erased(self, person_ref: UUID) -> bool:
        """Whether a reference accepts no new fact, by this command too."""
        return person_ref in self._erased_read or person_ref in self._erased_now

    def seats_taken(self, activity_id: UUID) -> int:
        """Standing registrations, this command's included."""
        return self._seats_before(activity_id) + self._seats_now.get(activity_id, 0)

    def _seats_before(self, activity_id: UUID) -> int:
        if activity_id in self.seats:
            return self.seats[activity_id]
        if activity_id not in self._seats_read:
            self._curs.execute(
                "SELECT taken FROM ledger.seats WHERE activity_id = %s", (activity_id,)
            )
            row = self._curs.fetchone()
            self._seats_read[activity_id] = 0 if row is None else row[0]
        return self._seats_read[activity_id]

    def known(self, key: UUID) -> Known | None:
        """The fact of an idempotency key, if it stands or is about to.

        `wanted` has looked it up.
        """
        return self._known_now.get(key) or self._known.get(key)

    def leaf_hash(self, position: int) -> bytes:
        """The stored leaf hash of a position that is known to be there."""
        self._curs.execute(
            "SELECT leaf_hash FROM ledger.facts WHERE notification_id = %s", (position,)
        )
        row = self._curs.fetchone()
        assert row is not None
        leaf_hash: bytes = row[0]
        return leaf_hash

    # A command

    def start(self) -> None:
        """Begin a command with nothing of it on the desk; also how one is dropped."""
        self._originals: dict[UUID, Stream] = {}
        self._command: dict[UUID, Stream] = {}
        self._rows_now: list[Row] = []
        self._known_now: dict[UUID, Known] = {}
        self._mentioned_now: dict[UUID, dict[UUID, int]] = {}
        self._erased_now: set[UUID] = set()
        self._seats_now: dict[UUID, int] = {}

    def change(self, stream: Stream) -> Stream:
        """The command's own copy of a stream."""
        mine = self._command.get(stream.id)
        if mine is None:
            self._originals[stream.id] = stream
            mine = self._command[stream.id] = stream.copy()
        return mine

    @property
    def next_position(self) -> int:
        """The position of the command's next fact."""
        return self.position + len(self._rows_now) + 1

    def put(self, row: Row) -> None:
        """One more fact of the command."""
        self._rows_now.append(row)
        self._known_now[row.event_key] = Known(row.state, row.leaf_hash)
        entry = row.entry
        kind = self._command[entry.stream].kind
        for entity in mentions(self.space, entry.fact):
            self._mentioned_now.setdefault(entity, {})[entry.stream] = int(kind)
        if isinstance(entry.fact, f.PersonErased):
            self._erased_now.add(entry.fact.person_ref)

    def changes(self) -> list[Change]:
        """What the command changed, stream by stream, once all its streams are folded."""
        new: dict[UUID, list[Entry]] = {}
        for row in self._rows_now:
            new.setdefault(row.entry.stream, []).append(row.entry)
        return [Change(self._originals[s.id], s, new[s.id]) for s in self._command.values()]

    def count_seats(self, changes: list[Change]) -> None:
        """What the command does to capacities, once all its streams are folded."""
        for change in changes:
            if change.after.kind is Kind.attendance:
                delta = int(change.after.state.registered) - int(change.before.state.registered)
                if delta:
                    activity_id = _activity_of(change.after)
                    self._seats_now[activity_id] = self._seats_now.get(activity_id, 0) + delta

    def accept(self) -> None:
        """The command stands: its facts, and what follows from them, go into the batch."""
        self.rows += self._rows_now
        self._known.update(self._known_now)
        self.position += len(self._rows_now)
        for activity_id, delta in self._seats_now.items():
            self.seats[activity_id] = self._seats_before(activity_id) + delta
        self.erased += self._erased_now
        self._erased_read |= self._erased_now
        self._accept_mentions()
        self._batch.update(self._command)
        self.start()

    def _accept_mentions(self) -> None:
        """Mentions that no earlier fact of the stream has made."""
        for entity, streams in self._mentioned_now.items():
            known = self._mentioned.setdefault(entity, {})
            for stream, kind in streams.items():
                before = self._originals[stream].entries
                if not any(entity in mentions(self.space, e.fact) for e in before):
                    self.mentions.append(Mention(entity, kind, stream))
                    known[stream] = kind


_NOTHING: Final = Stream(Kind.log, UUID(int=0), [], None, UNDATED)
"""Looked up, and not there."""


def _activity_of(stream: Stream) -> UUID:
    """The activity of an attendance stream."""
    first: Any = stream.entries[0].fact
    activity_id: UUID = first.activity_id
    return activity_id
