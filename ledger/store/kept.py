"""What the writer keeps from batch to batch of what it looked up: as long as it is in use."""

from typing import Final, Generic, TypeVar
from uuid import UUID

from ledger.domain.decide import Stream
from ledger.domain.streams import Kind, stream_id

V = TypeVar("V")

KEPT_STREAMS_MAX: Final = 50_000
KEPT_IDS_MAX: Final = 200_000
"""A tenth of what as many streams take."""


class Kept(Generic[V]):
    """Values by number, in two generations, so that nobody counts uses.

    What is put or asked for is young. `age`, between two batches, makes the young ones old once
    they are `most`, and lets go of the old ones, which nobody asked for since. So at most twice as
    many are kept, and a batch's.
    """

    __slots__ = ("_most", "_old", "_young")

    def __init__(self, most: int) -> None:
        self._most = most
        self._young: dict[int, V] = {}
        self._old: dict[int, V] = {}

    def get(self, number: int) -> V | None:
        """The value of a number, which is in use from now on; None where none is kept."""
        found = self._young.get(number)
        if found is None and (found := self._old.pop(number, None)) is not None:
            self._young[number] = found
        return found

    def put(self, number: int, value: V) -> None:
        """Keep a value, instead of another of this number."""
        self._young[number] = value

    def drop(self, number: int) -> None:
        """Keep no value of this number."""
        self._young.pop(number, None)
        self._old.pop(number, None)

    def clear(self) -> None:
        """Keep nothing."""
        self._young.clear()
        self._old.clear()

    def age(self) -> None:
        """Let go of what was not in use for long, if there is too much."""
        if len(self._young) > self._most:
            self._old, self._young = self._young, {}


class KeptStreams(Kept[Stream]):
    """Streams by their number, and `organisations`: which are those of one that exists.

    Attendances ask no more of an organisation, and name so many that their streams would be let go
    and read again for every sixth fact.
    """

    __slots__ = ("organisations",)

    def __init__(self) -> None:
        super().__init__(KEPT_STREAMS_MAX)
        self.organisations: Kept[bool] = Kept(KEPT_IDS_MAX)

    def put(self, number: int, value: Stream) -> None:
        """Keep a stream as it is now: it may be that of no organisation any more."""
        super().put(number, value)
        self.organisations.drop(number)

    def drop(self, number: int) -> None:
        """Keep no stream of this number, and nothing about it."""
        super().drop(number)
        self.organisations.drop(number)

    def clear(self) -> None:
        """Keep nothing."""
        super().clear()
        self.organisations.clear()

    def age(self) -> None:
        """Let go of what was not in use for long, if there is too much."""
        super().age()
        self.organisations.age()


class StreamIds:
    """The ids of streams that facts name, as working one out takes ten times as long."""

    def __init__(self, space: UUID) -> None:
        self._space = space
        self._ids: dict[Kind, dict[object, UUID]] = {kind: {} for kind in Kind}

    def of(self, kind: Kind, key: object) -> UUID:
        """The id of the stream of a cluster (by code) or of another entity (by its id)."""
        ids = self._ids[kind]
        place = key.int if isinstance(key, UUID) else key  # a UUID is hashed in Python
        id = ids.get(place)
        if id is None:
            id = ids[place] = stream_id(self._space, kind, key)
        return id

    def age(self) -> None:
        """Forget them, if there are too many."""
        for ids in self._ids.values():
            if len(ids) > KEPT_IDS_MAX:
                ids.clear()
