"""Who comes to a cluster's activities: people of its present members, who come again, and new ones
each time.
"""

from random import Random
from typing import Final

from .posting import Desk

_FRESH_PERCENT: Final = 17
_REGULAR_WEIGHT: Final = 3
_ORGANISATION = slice(19, 55)
"""Where a person's bytes hold the organisation's id: after `"organisation_id":"`."""


class Organisation:
    """An organisation's record, as far as planning needs it.

    `head` starts the bytes of each of its people; `known` is the day its registration is posted;
    `ends` the day it is dissolved, or far away; `poster` the index of the cluster whose app speaks
    for it.
    """

    __slots__ = ("ends", "head", "kind", "known", "number", "people", "poster", "size", "uuid")

    def __init__(
        self, number: int, uuid: str, kind: str, poster: int, known: int, size: int, ends: int
    ) -> None:
        self.number = number
        self.uuid = uuid
        self.kind = kind
        self.poster = poster
        self.known = known
        self.size = size
        self.ends = ends
        self.head = b'"organisation_id":"%b","person_ref":"' % uuid.encode()
        self.people: tuple[bytes, ...] = ()


def organisation_of(person: bytes) -> bytes | None:
    """The id of the organisation the person comes for."""
    return person[_ORGANISATION] if person.startswith(b'"o') else None


def person_ref(person: bytes) -> str:
    """The person's reference: what stands last in its bytes."""
    return person[-37:-1].decode()


def coming_for(person: bytes, organisation: Organisation) -> bytes:
    """The same person's bytes naming an organisation."""
    return organisation.head + person[-37:]


class Pool:
    """A cluster's present members and their people.

    People wait in a shuffled row and are taken from it in slices, which costs a fraction of drawing
    each by chance; when the row is through, those who left are dropped and it is shuffled anew.
    Regulars stand in it thrice.
    """

    __slots__ = ("_desk", "_gone", "_places", "_position", "_rng", "_row", "roster")

    def __init__(self, desk: Desk, rng: Random) -> None:
        self.roster: list[Organisation] = []
        self._places: dict[Organisation, int] = {}
        self._row: list[bytes] = []
        self._position = 0
        self._gone: set[bytes] = set()
        self._desk = desk
        self._rng = rng

    def enter(self, organisation: Organisation) -> None:
        """The organisation is a member from today on."""
        self._places[organisation] = len(self.roster)
        self.roster.append(organisation)
        uuid = organisation.uuid.encode()
        if uuid in self._gone:  # it rejoins before its people were dropped
            self._gone.discard(uuid)
            return
        if not organisation.people:
            organisation.people = tuple(
                self._newcomer(organisation) for _ in range(organisation.size)
            )
        self._row.extend(organisation.people)
        self._row.extend(organisation.people[:1] * (_REGULAR_WEIGHT - 1))

    def leave(self, organisation: Organisation) -> None:
        """The organisation's people do not come after today."""
        place = self._places.pop(organisation, None)
        if place is None:
            return
        last = self.roster.pop()
        if last is not organisation:
            self.roster[place] = last
            self._places[last] = place
        self._gone.add(organisation.uuid.encode())

    def draw(self, wanted: int, taken: set[bytes]) -> list[bytes]:
        """So many different people who are not in `taken`, and adds them to it."""
        drawn = self.newcomers(max(1, wanted * _FRESH_PERCENT // 100) if wanted else 0)
        taken.update(drawn)
        gone, rounds = self._gone, 0
        while len(drawn) < wanted:
            missing = wanted - len(drawn)
            window = self._row[self._position : self._position + missing]
            self._position += missing
            for person in window:
                if person not in taken and person[_ORGANISATION] not in gone:
                    taken.add(person)
                    drawn.append(person)
            if len(window) < missing:
                rounds += 1
                if rounds > 2:  # everybody is here already
                    more = self.newcomers(wanted - len(drawn))
                    taken.update(more)
                    drawn += more
                else:
                    self._reshuffle()
        return drawn

    def newcomers(self, wanted: int) -> list[bytes]:
        """People nobody met before; most come for a present member, and stay in the row."""
        new = []
        for _ in range(wanted):
            chance = self._rng.random()
            if chance < 0.04 or not self.roster:
                new.append(b'"person_ref":"%b"' % self._desk.uuid().encode())
            else:
                new.append(
                    self._newcomer(self.roster[int((chance - 0.04) / 0.96 * len(self.roster))])
                )
        self._row.extend(new)
        return new

    def anybody(self) -> bytes | None:
        """Somebody of a present member, who may be met elsewhere; None in an empty cluster."""
        if not self._row:
            return None
        person = self._row[int(self._rng.random() * len(self._row))]
        return None if person.startswith(b'"p') or person[_ORGANISATION] in self._gone else person

    def _newcomer(self, organisation: Organisation) -> bytes:
        return b'%b%b"' % (organisation.head, self._desk.uuid().encode())

    def _reshuffle(self) -> None:
        gone = self._gone
        row = [person for person in self._row if person[_ORGANISATION] not in gone]
        self._rng.shuffle(row)
        del row[200 + 12 * len(self.roster) :]  # people retire
        self._row = row
        self._gone = set()
        self._position = 0
