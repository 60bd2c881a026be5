"""The short way for the most frequent fact: a first `attendance.recorded.v1` of its stream.

Such a fact opens exactly one row and closes none, so it goes from the leaf to COPY's bytes without
a stream between. Nine facts of ten take it; `clusterledger check` and the tests hold it against the
long way.
"""

from struct import Struct
from typing import Final

import msgspec

from ledger.domain.facts import AttendanceRecorded
from ledger.domain.streams import Kind
from ledger.store.codec import UPCASTS
from projections.folding import Changes, Scopes
from projections.models.attendances import ATTENDANCE
from projections.models.base import OPEN
from projections.models.trail import TRAIL

_TOPIC: Final = AttendanceRecorded.topic
_USABLE: Final = _TOPIC not in UPCASTS
_TOPIC_BYTES: Final = _TOPIC.encode()

_ROW: Final = Struct(">hi16si16si16sibibiqiq").pack
_ROW_WITHOUT_ORGANISATION: Final = Struct(">hi16si16siibibiqiq").pack
_TRAIL_HEAD: Final = Struct(f">hiqi{len(_TOPIC_BYTES)}si16sih").pack
_LENGTH: Final = Struct(">i").pack


class Named(msgspec.Struct, frozen=True, gc=False):
    """The ids in a fact's data that matter here, as text; absent from many facts."""

    activity_id: str | None = None
    project_id: str | None = None
    person_ref: str | None = None
    organisation_id: str | None = None


class Glance(msgspec.Struct, frozen=True, gc=False):
    """What one glance at a leaf tells."""

    actor: str
    data: Named
    position: int
    stream: str
    type: str
    version: int

    @property
    def concerns(self) -> str | None:
        """The activity or project that its clusters come from."""
        return self.data.activity_id or self.data.project_id


glance: Final = msgspec.json.Decoder(Glance).decode


def takes(leaf: Glance) -> bool:
    """Whether a leaf may go the short way, if no other fact of its stream is in the batch."""
    return leaf.version == 1 and leaf.type == _TOPIC and _USABLE


class Express:
    """Opens rows of attendances and of the trail, packed."""

    def __init__(self, changes: Changes, scopes: Scopes) -> None:
        self._changes = changes
        self._scopes = scopes
        self._attendances = changes.packed.setdefault(ATTENDANCE.name, [])
        self._trail = changes.packed.setdefault(TRAIL.name, [])
        self._tails: dict[tuple[str, str], bytes] = {}

    def take(self, leaf: Glance) -> None:
        """Open the rows of one leaf. ValueError for ids that are none."""
        data, position = leaf.data, leaf.position
        activity, person, organisation = data.activity_id, data.person_ref, data.organisation_id
        if activity is None or person is None:
            raise ValueError("an attendance names an activity and a person")
        which, who, stream = _sixteen(activity), _sixteen(person), _sixteen(leaf.stream)
        if organisation is None:
            row = _ROW_WITHOUT_ORGANISATION(
                7, 16, which, 16, who, -1, 1, 0, 1, 1, 8, position, 8, OPEN
            )
        else:
            whom = _sixteen(organisation)
            row = _ROW(7, 16, which, 16, who, 16, whom, 1, 0, 1, 1, 8, position, 8, OPEN)
        self._attendances.append(row)
        place = (leaf.actor, self._scopes.get(activity, ""))
        tail = self._tails.get(place) or self._tail(place)
        head = _TRAIL_HEAD(
            6, 8, position, len(_TOPIC_BYTES), _TOPIC_BYTES, 16, stream, 2, Kind.attendance
        )
        self._trail.append(head + tail)
        self._changes.upto = position

    def _tail(self, place: tuple[str, str]) -> bytes:
        actor, scope = (text.encode() for text in place)
        tail = _LENGTH(len(actor)) + actor + _LENGTH(len(scope)) + scope
        self._tails[place] = tail
        self._changes.scopes.add(place[1])
        return tail


def _sixteen(text: str) -> bytes:
    """A UUID's bytes. ValueError when it is none: packing would pad or cut it silently."""
    value = bytes.fromhex(text.replace("-", ""))
    if len(value) != 16:
        raise ValueError(f"not a UUID: {text!r}")
    return value
