"""From facts to what changes in the read models. Pure: earlier facts come in, rows come out.

For every fact, in order, the rows of its stream before it are compared with those after it: what is
gone is closed at its position, what is new is opened there. Corrections and voids are no exception.
"""

from collections.abc import Iterable, Mapping, MutableMapping, Sequence
from datetime import date
from typing import Any, Final
from uuid import UUID

from msgspec import MsgspecError

from ledger.domain.activity import Activity
from ledger.domain.history import VOIDS, Entry, fold, order, standing
from ledger.domain.laws import LAWS
from ledger.domain.project import Project
from ledger.domain.streams import UNDATED, Kind, key_of
from ledger.store.codec import UnknownTopic
from projections.models import MODELS
from projections.models.base import OPEN, Row, Table
from projections.models.trail import TrailRow, name_id, scope

Scopes = MutableMapping[str, str]
"""Clusters of activities and projects by id as text, as known at the last folded position."""


class Unfoldable(Exception):
    """The fact at position {position} ({topic}) cannot be folded: {error}."""

    def __init__(self, position: int, topic: str, error: str) -> None:
        super().__init__(
            (type(self).__doc__ or "").format(position=position, topic=topic or "?", error=error)
        )
        self.position = position
        self.topic = topic
        self.error = error


UNFOLDABLE: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MsgspecError,
    TypeError,
    UnknownTopic,
    ValueError,
)
"""What reading or folding a fact that nobody foresaw may raise."""


def unfoldable(position: int, topic: str, error: Exception) -> Unfoldable:
    """The refusal to go on past a fact, with the reason's name."""
    return Unfoldable(position, topic, f"{type(error).__name__}: {error}")


class Changes:
    """What the facts in (after, upto] do to the tables.

    `opens` are whole rows with known_from and known_to; `packed` are more of them in COPY's binary
    format; `closes` are (key…, known_to) of rows that stood at `after`; `names` are the texts of
    the ids in the trail's rows.
    """

    def __init__(self, after: int) -> None:
        self.after = after
        self.upto = after
        self.opens: dict[str, list[Row]] = {}
        self.packed: dict[str, list[bytes]] = {}
        self.closes: dict[str, list[Row]] = {}
        self.trail: list[TrailRow] = []
        self.names: set[str] = set()

    def open(self, table: Table, row: Row, known_from: int, known_to: int) -> None:
        """A row that holds in [known_from, known_to)."""
        self.opens.setdefault(table.name, []).append((*row, known_from, known_to))

    def close(self, table: Table, row: Row, known_to: int) -> None:
        """A row that stood before this batch holds no longer."""
        self.closes.setdefault(table.name, []).append((*table.key_of(row), known_to))

    def note(self, entry: Entry, kind: Kind, scope: str) -> None:
        """One more fact, the next in order."""
        names = entry.fact.topic, entry.actor, scope
        self.names.update(names)
        topic, actor, concerned = map(name_id, names)
        self.trail.append(TrailRow(entry.position, topic, actor, concerned, kind))
        self.upto = entry.position


PARENTS: Final = frozenset({Kind.activity, Kind.project})
"""Kinds whose clusters are those of their attendances and enrolments."""

Place = tuple[Table, Row]
"""A table, and what tells apart a stream's rows in it."""


class Stream:
    """A stream within a batch: its facts, its state and the rows this amounts to."""

    __slots__ = ("_born", "_latest", "_law", "_model", "_rows", "entries", "key", "kind", "state")

    def __init__(self, earlier: Sequence[Entry], first: Entry) -> None:
        kind, key = key_of((earlier[0] if earlier else first).fact)
        self.kind, self.key = kind, key
        self.entries = list(earlier)
        self._model = MODELS.get(self.kind)
        self._law = LAWS[self.kind]
        self._born: dict[Place, int] = {}
        self._rows: dict[Place, Row] = {}
        self._latest: tuple[date, int] = (UNDATED, 0)
        self.state: Any = self._law.initial
        if earlier:
            self._refold()
            self._rows = self._project()

    def _refold(self) -> None:
        stands = standing(self.entries)
        self.state = fold(self._law, stands)
        self._latest = order(stands[-1]) if stands else (UNDATED, 0)

    def _project(self) -> dict[Place, Row]:
        if self._model is None:
            return {}
        rows: dict[Place, Row] = {}
        for table, row in self._model.rows(self.key, self.state):
            place = (table, table.place_of(row))
            if place in rows:
                raise ValueError(f"two rows of {table.name} with one key: {table.key_of(row)}")
            rows[place] = row
        return rows

    def take(self, entry: Entry, changes: Changes) -> None:
        """Fold one more fact, and say what it changes."""
        if entry.version != len(self.entries) + 1:
            raise ValueError(f"version {entry.version} follows {len(self.entries)}")
        self.entries.append(entry)
        if isinstance(entry.fact, VOIDS) or (turn := order(entry)) < self._latest:
            self._refold()
        else:
            self.state = self._law.evolve(self.state, entry.fact)
            self._latest = turn
        before, now = self._rows, self._project()
        self._rows = now
        for place, row in before.items():
            if now.get(place) != row:
                self._close(place, row, entry.position, changes)
        for place, row in now.items():
            if before.get(place) != row:
                self._born[place] = entry.position

    def _close(self, place: Place, row: Row, position: int, changes: Changes) -> None:
        born = self._born.pop(place, None)
        if born is None:
            changes.close(place[0], row, position)
        else:
            changes.open(place[0], row, born, position)

    def settle(self, changes: Changes) -> None:
        """At the end of the batch: what was opened in it and still stands."""
        for place, born in self._born.items():
            changes.open(place[0], self._rows[place], born, OPEN)


def clusters_of(kind: Kind, state: Any) -> tuple[str, ...]:
    """The clusters an activity or a project is of."""
    if kind is Kind.activity:
        assert isinstance(state, Activity)
        return state.organisers if state.exists else ()
    assert isinstance(state, Project)
    return state.clusters if state.exists else ()


def absorb(stream: Stream, entry: Entry, changes: Changes) -> str | None:
    """Fold one more fact of a stream; the clusters it concerns, None where its parent's are."""
    kind = stream.kind
    if kind in PARENTS:
        before = clusters_of(kind, stream.state)
        stream.take(entry, changes)
        # Who loses an activity is concerned as much as who gets it.
        return scope(before, clusters_of(kind, stream.state))
    stream.take(entry, changes)
    if kind is Kind.attendance or kind is Kind.enrolment:
        return None
    if kind is Kind.cluster:
        return str(stream.key[0])
    return str(stream.key[1]) if kind is Kind.membership else ""


class Batch:
    """Facts folded one after the other. `earlier` are those of touched streams up to `after`."""

    def __init__(self, after: int, earlier: Mapping[UUID, Sequence[Entry]], scopes: Scopes) -> None:
        self.changes = Changes(after)
        self._earlier = earlier
        self._scopes = scopes
        self._streams: dict[UUID, Stream] = {}

    def take(self, entry: Entry) -> None:
        """Fold the next fact. Raises Unfoldable."""
        try:
            stream = self._streams.get(entry.stream)
            if stream is None:
                stream = Stream(self._earlier.get(entry.stream, ()), entry)
                self._streams[entry.stream] = stream
            concerned = self._absorb(stream, entry)
        except UNFOLDABLE as error:
            raise unfoldable(entry.position, entry.fact.topic, error) from error
        self.changes.note(entry, stream.kind, concerned)

    def _absorb(self, stream: Stream, entry: Entry) -> str:
        """Fold a fact, and find the clusters it concerns."""
        concerned = absorb(stream, entry, self.changes)
        if stream.kind in PARENTS:
            self._scopes[str(stream.key[0])] = scope(clusters_of(stream.kind, stream.state))
        return self._scopes.get(str(stream.key[0]), "") if concerned is None else concerned

    def settled(self) -> Changes:
        """What the whole batch changes."""
        for stream in self._streams.values():
            stream.settle(self.changes)
        return self.changes


def continued(entries: Iterable[Entry]) -> set[UUID]:
    """Streams whose first fact in this batch is not their first: their earlier facts are needed."""
    seen: set[UUID] = set()
    needed: set[UUID] = set()
    for entry in entries:
        if entry.version > 1 and entry.stream not in seen:
            needed.add(entry.stream)
        seen.add(entry.stream)
    return needed
