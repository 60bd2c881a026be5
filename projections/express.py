"""The short way for the most frequent fact: a first `attendance.recorded.v1` of its stream.

Such a fact opens exactly one row and closes none, so it goes from the leaf to COPY's rows without
a stream between. Nine facts of ten take it; `clusterledger check` and the tests hold it against the
long way.
"""

from struct import Struct
from typing import Final
from uuid import UUID

import msgspec

from ledger.domain.facts import AttendanceRecorded
from ledger.domain.streams import Kind
from ledger.store.codec import UPCASTS
from projections.copying import NULL, PACKERS
from projections.folding import UNFOLDABLE, Changes, Scopes, unfoldable
from projections.models.attendances import ATTENDANCE
from projections.models.base import OPEN
from projections.models.trail import TRAIL, name_id

_TOPIC: Final = AttendanceRecorded.topic
_USABLE: Final = _TOPIC not in UPCASTS


class Named(msgspec.Struct, frozen=True, gc=False):
    """The ids in a fact's data that matter here, absent from many facts; those that recur as text,
    which Python finds again faster."""

    activity_id: str | None = None
    project_id: str | None = None
    person_ref: UUID | None = None
    organisation_id: str | None = None


class Glance(msgspec.Struct, frozen=True, gc=False):
    """What one glance at a leaf tells."""

    actor: str
    data: Named
    position: int
    stream: str
    type: str
    version: int


glance: Final = msgspec.json.Decoder(Glance).decode


def takes(leaf: Glance) -> bool:
    """Whether a leaf may go the short way, if no other fact of its stream is in the batch."""
    if leaf.version != 1 or leaf.type != _TOPIC or not _USABLE:
        return False
    return leaf.data.activity_id is not None and leaf.data.person_ref is not None


_SEVEN: Final = len(ATTENDANCE.columns).to_bytes(2)
_SIXTEEN: Final = (16).to_bytes(4)
_FIVE: Final = len(TRAIL.columns)
_POSITION: Final = Struct(">hiq").pack
_KNOWN: Final = Struct(">iqiq").pack
_RECORDED: Final = PACKERS["boolean"](False) + PACKERS["boolean"](True)
"""Never registered, but recorded."""


class Express:
    """Opens rows of attendances and of the trail, in COPY's binary format."""

    def __init__(self, changes: Changes, scopes: Scopes) -> None:
        self._changes = changes
        self._scopes = scopes
        self._attendances = changes.packed.setdefault(ATTENDANCE.name, [])
        self._trail = changes.packed.setdefault(TRAIL.name, [])
        self._ids: dict[str | None, bytes] = {None: NULL}
        self._tails: dict[tuple[str, str], bytes] = {}

    def take(self, leaf: Glance) -> None:
        """Open the two rows of one leaf: recorded, never registered. Raises Unfoldable."""
        data, position = leaf.data, leaf.position
        activity, person, whom = data.activity_id, data.person_ref, data.organisation_id
        assert activity is not None, "`takes` has looked"
        assert person is not None, "the same"
        ids = self._ids
        try:
            row = (
                _SEVEN,
                ids.get(activity) or self._id(activity),
                _SIXTEEN,
                person.int.to_bytes(16),
                ids.get(whom) or self._id(whom),
                _RECORDED,
                _KNOWN(8, position, 8, OPEN),
            )
        except UNFOLDABLE as error:
            raise unfoldable(position, _TOPIC, error) from error
        self._attendances.append(b"".join(row))
        place = (leaf.actor, self._scopes.get(activity, ""))
        tail = self._tails.get(place) or self._tail(place)
        self._trail.append(_POSITION(_FIVE, 8, position) + tail)
        self._changes.upto = position

    def _id(self, text: str | None) -> bytes:
        packed = self._ids[text] = PACKERS["uuid"](msgspec.convert(text, UUID))
        return packed

    def _tail(self, place: tuple[str, str]) -> bytes:
        names = (_TOPIC, *place)
        self._changes.names.update(names)
        ids = b"".join(PACKERS["bigint"](name_id(name)) for name in names)
        tail = self._tails[place] = ids + PACKERS["smallint"](Kind.attendance)
        return tail
