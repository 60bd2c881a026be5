"""The short way for the most frequent fact: a first `attendance.recorded.v1` of its stream.

Such a fact opens exactly one row and closes none, so it goes from the leaf to COPY's lines without
a stream between. Nine facts of ten take it; `clusterledger check` and the tests hold it against the
long way.
"""

from typing import Final

import msgspec

from ledger.domain.facts import AttendanceRecorded
from ledger.domain.streams import Kind
from ledger.store.codec import UPCASTS
from projections.folding import Changes, Scopes
from projections.models.attendances import ATTENDANCE
from projections.models.base import OPEN
from projections.models.trail import TRAIL, name_id

_TOPIC: Final = AttendanceRecorded.topic
_USABLE: Final = _TOPIC not in UPCASTS


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


glance: Final = msgspec.json.Decoder(Glance).decode


def takes(leaf: Glance) -> bool:
    """Whether a leaf may go the short way, if no other fact of its stream is in the batch."""
    return leaf.version == 1 and leaf.type == _TOPIC and _USABLE and _complete(leaf.data)


def _complete(data: Named) -> bool:
    """Whether the ids are there; that they are UUIDs is seen by PostgreSQL."""
    return data.activity_id is not None and data.person_ref is not None


class Express:
    """Opens rows of attendances and of the trail, as lines of COPY's text format.

    Text, because ids are text in the leaf: PostgreSQL reads them faster than Python would.
    """

    def __init__(self, changes: Changes, scopes: Scopes) -> None:
        self._changes = changes
        self._scopes = scopes
        self._attendances = changes.lines.setdefault(ATTENDANCE.name, [])
        self._trail = changes.lines.setdefault(TRAIL.name, [])
        self._tails: dict[tuple[str, str], str] = {}

    def take(self, leaf: Glance) -> None:
        """Open the two rows of one leaf: recorded, never registered."""
        data, position = leaf.data, leaf.position
        activity = data.activity_id
        whom = data.organisation_id or r"\N"
        self._attendances.append(
            f"{activity}\t{data.person_ref}\t{whom}\tf\tt\t{position}\t{OPEN}\n"
        )
        assert activity is not None, "`takes` has looked"
        place = (leaf.actor, self._scopes.get(activity, ""))
        tail = self._tails.get(place) or self._tail(place)
        self._trail.append(f"{position}{tail}")
        self._changes.upto = position

    def settle(self) -> None:
        """Attendances in the order of their key: neighbours find their places in the same pages."""
        self._attendances.sort()

    def _tail(self, place: tuple[str, str]) -> str:
        names = (_TOPIC, *place)
        self._changes.names.update(names)
        ids = "\t".join(str(name_id(name)) for name in names)
        tail = self._tails[place] = f"\t{ids}\t{Kind.attendance:d}\n"
        return tail
