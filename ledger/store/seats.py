"""Standing registrations of activities: in the book, and by the facts of the batch at hand."""

from typing import Final
from uuid import UUID

from ledger.store.kept import Kept
from ledger.store.line import Line

KEPT_ACTIVITIES_MAX: Final = 50_000


class Seats:
    """How many seats are taken, as a writer knows it under the head lock; kept between batches, as
    streams are.

    For each batch `begin`; for each command seats are added and `accept`ed, or `drop`ped; after the
    commit `keep`.
    """

    _line: Line

    def __init__(self) -> None:
        self._kept: Kept[int] = Kept(KEPT_ACTIVITIES_MAX)
        self.clear_batch()

    def forget(self) -> None:
        """Nothing kept can be trusted: others wrote, or a transaction failed."""
        self._kept.clear()

    def clear_batch(self) -> None:
        """No batch is at hand."""
        self.changed: dict[UUID, int] = {}
        """What the batch leaves behind, by activity."""
        self.drop()

    def begin(self, line: Line) -> None:
        """Start a batch on a line."""
        self._line = line

    def know_new(self, activity_id: UUID) -> None:
        """Nobody was registered for this activity before the batch at hand."""
        if self._kept.get(activity_id.int) is None:
            self._kept.put(activity_id.int, 0)

    def taken(self, activity_id: UUID) -> int:
        """Standing registrations, the command's included."""
        return self._before(activity_id) + self._now.get(activity_id, 0)

    def _before(self, activity_id: UUID) -> int:
        if activity_id in self.changed:
            return self.changed[activity_id]
        kept = self._kept.get(activity_id.int)
        if kept is None:
            with self._line.reading() as curs:
                row = curs.execute(
                    "SELECT taken FROM ledger.seats WHERE activity_id = %s", (activity_id,)
                ).fetchone()
            kept = 0 if row is None else int(row[0])
            self._kept.put(activity_id.int, kept)
        return kept

    def add(self, activity_id: UUID, delta: int) -> None:
        """The command takes so many seats more, or gives them back."""
        self._now[activity_id] = self._now.get(activity_id, 0) + delta

    def accept(self) -> None:
        """The command stands."""
        for activity_id, delta in self._now.items():
            self.changed[activity_id] = self._before(activity_id) + delta

    def drop(self) -> None:
        """No command is at hand, or it does not stand."""
        self._now: dict[UUID, int] = {}

    def keep(self) -> None:
        """The batch is committed: what is kept follows it."""
        for id, taken in self.changed.items():
            self._kept.put(id.int, taken)
        self._kept.age()
