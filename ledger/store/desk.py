"""The writer's desk: what it knows under the head lock, and the facts of the batch at hand.

Streams are kept between batches. They are valid as long as no other process wrote: facts that came
in since are looked up by position, and their streams dropped. Attendances that are recorded are not
kept: one is seldom written again. Of those whose first fact is `attendance.recorded.v1`, nine facts
of ten, only that row is held, and a stream made of it when somebody asks.

Two layers, so that a refused command leaves no trace: the command's over the batch's.
"""

from collections.abc import Collection, Iterable
from datetime import date, datetime
from typing import Any, Final
from uuid import UUID
from zoneinfo import ZoneInfo

from ledger.domain import facts as f
from ledger.domain.activity import Activity
from ledger.domain.cluster import Cluster
from ledger.domain.consequences import Change
from ledger.domain.decide import EMPTY, Stream
from ledger.domain.history import Entry
from ledger.domain.laws import LAWS
from ledger.domain.organisation import Organisation
from ledger.domain.project import Project
from ledger.domain.streams import UNDATED, Kind
from ledger.store.allowed import Allowed
from ledger.store.batch import Wanted
from ledger.store.kept import KeptStreams, StreamIds
from ledger.store.line import Line
from ledger.store.mentions import Mentions
from ledger.store.rows import (
    SINCE_FACTS_MAX,
    Found,
    Known,
    Row,
    Since,
    known_at,
    read_streams,
)
from ledger.store.seats import Seats

BERLIN: Final = ZoneInfo("Europe/Berlin")
# Nine facts in ten look these up: a global is cheaper than an enumeration's member.
_ATTENDANCE: Final = Kind.attendance
_ACTIVITY: Final = Kind.activity
_ORGANISATION: Final = Kind.organisation
_PROJECT: Final = Kind.project
_ENTITIES: Final = {
    Kind.activity: "activity_id",
    Kind.organisation: "organisation_id",
    Kind.project: "project_id",
}
"""What other streams can name once it is there, and by which field its own facts do."""


class Desk:
    """Implements ledger.domain.decide.World on PostgreSQL.

    One batch at a time: `begin`, then for each command changes and `accept` or `drop`;
    after the commit `keep`, after a failure `forget`.
    """

    head: int
    today: date
    stamp: str
    recorded_at: datetime

    def __init__(self, space: UUID) -> None:
        self.space = space
        self.position = 0
        self._world = KeptStreams()
        self.seats = Seats()
        self.mentions = Mentions(space)
        self._ids = StreamIds(space)
        self.stream_id = self._ids.of
        self.allowed = Allowed()
        self.forget()

    def forget(self) -> None:
        """Drop everything: after a failed transaction nothing kept can be trusted."""
        self._world.clear()
        self.seats.forget()
        self.mentions.forget()
        self.allowed.doubt()
        self._passing: list[int] = []
        self.position = -1
        self._clear_batch()

    def _clear_batch(self) -> None:
        self.rows: list[Row] = []
        self.recorded = 0
        self.mentions.clear_batch()
        self._absent: dict[int, UUID] = {}  # streams looked up, and not there
        self._firsts: dict[int, Row] = {}
        self._changed: list[int] = []  # streams of the world that hold this batch's facts
        self.seats.clear_batch()
        self.erased: list[UUID] = []
        self._known: dict[bytes, Known] = {}
        self._erased_read: set[int] = set()
        self.start()

    # The batch

    def keeps(self, id: UUID) -> bool:
        """Whether a stream is at hand from an earlier batch."""
        return self._world.get(id.int) is not None

    def is_known(self, id: UUID) -> bool:
        """Whether this is the stream of an organisation that exists, kept or not."""
        return self._world.organisations.get(id.int) is not None

    def begin(
        self,
        line: Line,
        *,
        position: int,
        recorded_at: datetime,
        wanted: Wanted,
        found: Found,
        since: Since,
    ) -> None:
        """Start a batch under the head lock, with what was found of what it wants.

        And with what others appended since the last one.
        """
        self._clear_batch()
        self._line = line
        self.mentions.begin(line)
        self.seats.begin(line)
        self._catch_up(position, since)
        self.position = self.head = position
        self.next_position = position + 1
        self.recorded_at = recorded_at
        self.stamp = f"{recorded_at:%Y-%m-%dT%H:%M:%S.%fZ}"
        self.today: date = recorded_at.astimezone(BERLIN).date()
        self._known = found.known
        self._absent = wanted.streams | wanted.firsts
        for id, entries in found.streams.items():
            self._fetch(id, entries)
        self._erased_read = {person_ref.int for person_ref in found.erased}

    def _catch_up(self, position: int, since: Since) -> None:
        """Drop the streams that other processes wrote to since the last batch."""
        if position == self.position:
            return
        self.seats.forget()
        self.mentions.forget()
        self.allowed.doubt()
        if self.position < 0 or len(since.streams) > SINCE_FACTS_MAX:
            self._world.clear()
            return
        for stream in since.streams:
            self._world.drop(int.from_bytes(stream))

    def _fetch(self, id: UUID, entries: list[Entry]) -> Stream:
        """Put a stream that was read into the world, in passing where it is not worth keeping."""
        stream = Stream.of(entries)
        self._world.put(id.int, stream)
        self._absent.pop(id.int, None)
        if stream.kind is _ATTENDANCE:
            self._passing.append(id.int)
        return stream

    def undo(self) -> None:
        """The batch was given up: drop what it changed, keep what others know."""
        for id in (*self._changed, *self._passing):
            self._world.drop(id)
        self._passing.clear()
        self.allowed.doubt()
        self.position = self.head
        self._clear_batch()

    def keep(self) -> None:
        """The batch is committed: what it changed or read is worth keeping, but recorded
        attendances: who is only registered will be recorded."""
        for id in self._passing:
            stream = self._world.get(id)
            if stream is not None and stream.state.recorded:
                self._world.drop(id)
        self._passing.clear()
        self._world.age()
        self.mentions.keep()
        self.seats.keep()
        self._ids.age()
        self.allowed.age()
        self._clear_batch()

    # The world that rules look at

    def stream(self, kind: Kind, id: UUID) -> Stream:
        """A stream with this command's facts; an empty one where there is none yet."""
        number = id.int
        change = self._command.get(number)
        if change is not None:
            return change.after
        found = self._world.get(number)
        if found is not None:
            return found
        row = self._firsts_now.pop(number, None)
        if row is not None:  # of this command: as if it had gone the long way
            change = self._command[number] = Change(EMPTY[kind], Stream.of([row.entry]))
            change.new.append(row.entry)
            return change.after
        row = self._firsts.pop(number, None)
        if row is not None:
            return self._fetch(id, [row.entry])
        if number not in self._absent:
            with self._line.reading() as curs:
                entries = read_streams(curs, [id]).get(id)
            if entries:
                return self._fetch(id, entries)
            self._absent[number] = id
        return Stream(kind, id, [], LAWS[kind].initial, UNDATED)

    def untouched(self, id: UUID) -> bool:
        """Whether a stream was looked up, is not there, and got no fact of this batch either."""
        touched = id.int in self._firsts_now or id.int in self._command
        return id.int in self._absent and not touched

    def cluster(self, code: str) -> Cluster:
        """The state of a cluster, this command's facts included."""
        state: Cluster = self.stream(Kind.cluster, self.stream_id(Kind.cluster, code)).state
        return state

    def organisation(self, organisation_id: UUID) -> Organisation:
        """The state of an organisation."""
        state: Organisation = self._named(_ORGANISATION, organisation_id).state
        return state

    def is_organisation(self, organisation_id: UUID) -> bool:
        """Whether an organisation exists, by this command too."""
        if organisation_id.int in self.allowed.organisations:
            return True
        id = self.stream_id(_ORGANISATION, organisation_id)
        ours = id.int in self._command
        if not ours and self.is_known(id):
            exists = True
        elif (exists := self.stream(_ORGANISATION, id).state.exists) and not ours:
            self._world.organisations.put(id.int, value=True)
        if exists:
            self.allowed.organisations.add(organisation_id.int)
        return exists

    def activity(self, activity_id: UUID) -> Activity:
        """The state of an activity."""
        state: Activity = self._named(_ACTIVITY, activity_id).state
        return state

    def project(self, project_id: UUID) -> Project:
        """The state of a project."""
        state: Project = self._named(_PROJECT, project_id).state
        return state

    def _named(self, kind: Kind, entity: UUID) -> Stream:
        """The stream of an entity: a command's facts name few, again and again."""
        return self.stream(kind, self.stream_id(kind, entity))

    def mentioning(self, entity: UUID, kinds: Iterable[Kind] | None = None) -> list[Stream]:
        """Streams that ever named an entity, this command's included."""
        found = self.mentions.streams(entity, frozenset(kinds or Kind))
        self.read_missing(found)
        return [self.stream(kind, id) for id, kind in found.items()]

    def read_missing(self, ids: Iterable[UUID]) -> None:
        """Read the streams that are not at hand, all at once."""
        at_hand = (self._command, self._firsts_now, self._firsts, self._absent)
        missing = [
            id
            for id in ids
            if self._world.get(id.int) is None and not any(id.int in place for place in at_hand)
        ]
        if missing:
            with self._line.reading() as curs:
                for id, entries in read_streams(curs, missing).items():
                    self._fetch(id, entries)

    def is_erased(self, person_ref: UUID) -> bool:
        """Whether a reference accepts no new fact, by this command too."""
        number = person_ref.int
        return number in self._erased_read or number in self._erased_now

    def seats_taken(self, activity_id: UUID) -> int:
        """Standing registrations, this command's included."""
        return self.seats.taken(activity_id)

    def known(self, key: bytes) -> Known | None:
        """The fact of an idempotency key that was looked up, if it stands or is about to."""
        return self._known_now.get(key) or self._known.get(key)

    def known_at(self, position: int) -> Known:
        """The fact of a position that is known to be there."""
        with self._line.reading() as curs:
            return known_at(curs, position)

    # A command

    def drop(self) -> None:
        """The command does not stand: nothing of it is left, nor believed."""
        self.allowed.doubt()
        self.start()

    def start(self) -> None:
        """Begin a command with nothing of it on the desk."""
        self._command: dict[int, Change] = {}
        self._rows_now: list[Row] = []
        self.next_position = self.position + 1
        """The position of the command's next fact."""
        self._drained = 0  # of the command's rows
        self._known_now: dict[bytes, Known] = {}
        self._firsts_now: dict[int, Row] = {}
        self.mentions.drop()
        self._erased_now: dict[int, UUID] = {}
        self.seats.drop()

    def change(self, stream: Stream) -> Change:
        """The command's own copy of a stream, and what it was before."""
        number = stream.id.int
        change = self._command.get(number)
        if change is None:
            if stream.entries:
                change = Change(stream, stream.copy())
            else:
                change = Change(EMPTY[stream.kind], stream)
            self._command[number] = change
        return change

    def put(self, row: Row, stream: Stream) -> None:
        """One more fact of the command, the last one of its stream."""
        self._rows_now.append(row)
        self.next_position += 1
        self._known_now[row.event_key] = row
        fact = row.entry.fact
        if row.entry.version == 1:
            self._begun(stream.kind, fact)
        elif stream.kind is not _ATTENDANCE:
            self.allowed.doubt()
        self.mentions.put(fact, stream)
        if type(fact) is f.PersonErased:
            self._erased_now[fact.person_ref.int] = fact.person_ref

    def _begun(self, kind: Kind, fact: Any) -> None:
        """What is new was never named, nor booked: only what is there can be. So nobody asks."""
        named = _ENTITIES.get(kind)
        if named is not None:
            entity: UUID = getattr(fact, named)
            self.mentions.know_new(entity)
            self.seats.know_new(entity)

    def put_first(self, row: Row, fact: f.AttendanceRecorded) -> None:
        """The same for the first fact of an attendance: its stream is made when asked for."""
        id = row.entry.stream
        self._rows_now.append(row)
        self.next_position += 1
        self._known_now[row.event_key] = row
        self._firsts_now[id.int] = row
        self.mentions.put_attendance(fact.activity_id, fact.organisation_id, id)

    @property
    def changes(self) -> Collection[Change]:
        """What the command changes, stream by stream."""
        return self._command.values()

    def drain(self, *, undecided: bool = False) -> list[Row]:
        """The facts that are not yet on their way to the database; or also those of the command
        that is being decided on: whoever takes them rolls everything back if it does not stand."""
        rows = self.rows
        if undecided:
            rows += self._rows_now[self._drained :]
            self._drained = len(self._rows_now)
        self.recorded += len(rows)
        self.rows = []
        return rows

    def count_seats(self) -> None:
        """What the command does to capacities, once all its streams are folded."""
        for change in self._command.values():
            after = change.after
            if (
                after.kind is _ATTENDANCE
                and after.state.registered != change.before.state.registered
            ):
                activity_id = _activity_of(after)
                delta = 1 if after.state.registered else -1
                self.seats.add(activity_id, delta)

    def accept(self) -> None:
        """The command stands: its facts, and what follows from them, go into the batch."""
        self.rows += self._rows_now[self._drained :]
        self._known.update(self._known_now)
        self.position += len(self._rows_now)
        self.seats.accept()
        self.erased += self._erased_now.values()
        self._erased_read.update(self._erased_now)
        self.mentions.accept()
        self._firsts.update(self._firsts_now)
        for number in self._firsts_now:
            del self._absent[number]
        for number, change in self._command.items():
            self._absent.pop(number, None)
            self._world.put(number, change.after)
            self._changed.append(number)
            if change.after.kind is _ATTENDANCE:
                self._passing.append(number)
        self.start()


def _activity_of(stream: Stream) -> UUID:
    """The activity of an attendance stream."""
    first: Any = stream.entries[0].fact
    activity_id: UUID = first.activity_id
    return activity_id
