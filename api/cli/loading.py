"""Many facts through the ledger's own service, at full speed: what `demo` and `post` share."""

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct

from ledger.domain.commands import Authority, Command, Incoming, Refused
from ledger.service import Ledger
from ledger.store.driving import drive
from ledger.store.tickets import Ticket

UNDER_WAY_FACTS: Final = 12_000
"""Facts decoded ahead of the writer: three of its transactions, so that it never waits, and few
enough to stay small. Commands of one fact each fill its transactions like large ones."""


class Refusal(Struct, frozen=True):
    """A fact that was refused."""

    id: str
    source: str
    code: str
    detail: str
    place: str = ""
    """Where it came from, such as `line 17`; empty where it came from no file."""


class Outcome(Struct):
    """What came of a load so far."""

    recorded: int = 0
    duplicates: int = 0
    refused: int = 0
    first_refusals: list[Refusal] = []
    position: int = 0

    def take(self, facts: Sequence[Incoming], ticket: Ticket, places: Sequence[str] = ()) -> None:
        """Count a finished command. Raises what is no refusal."""
        if ticket.error is None:
            self.recorded += ticket.recorded
            self.duplicates += len(facts) - ticket.recorded
            self.position = max(self.position, ticket.position)
        elif isinstance(ticket.error, Refused):
            item = ticket.error.item
            fact = facts[item]
            code = ticket.error.refusal.code
            place = places[item] if places else ""
            self.refuse(Refusal(fact.id, fact.source, code, str(ticket.error), place), len(facts))
        else:
            raise ticket.error

    def refuse(self, refusal: Refusal, facts: int = 1) -> None:
        """Count facts that are not recorded, for the sake of the one that was refused."""
        self.refused += facts
        if len(self.first_refusals) < 20:
            self.first_refusals.append(refusal)


class Placed(Struct, frozen=True):
    """Facts that are recorded together, and where each came from."""

    facts: Sequence[Incoming]
    places: Sequence[str]


def load(
    ledger: Ledger,
    authority: Authority,
    commands: Iterable[Sequence[Incoming] | Placed],
    progress: Callable[[int], None],
    outcome: Outcome | None = None,
) -> Outcome:
    """Record commands in order, each together or not at all; `progress` hears of facts done.

    The ledger is open without a thread that writes: this one drives it. Raises OutcomeUnknown, what
    the commands raise, and what else is no refusal; what was under way is recorded before.
    """
    loading = _Loading(ledger, authority, commands, progress, outcome)
    drive(ledger.writer, loading.bring)
    if loading.failed is not None:
        raise loading.failed
    return loading.outcome


class _Loading:
    """Commands on their way, and what came of them."""

    def __init__(
        self,
        ledger: Ledger,
        authority: Authority,
        commands: Iterable[Sequence[Incoming] | Placed],
        progress: Callable[[int], None],
        outcome: Outcome | None,
    ) -> None:
        self.outcome = outcome or Outcome(first_refusals=[])
        self.failed: Exception | None = None
        self._ledger = ledger
        self._authority = authority
        self._commands = iter(commands)
        self._next: Placed | None = None
        self._progress = progress
        self._under_way = 0

    def bring(self) -> bool:
        """Queue the next command, unless with it too much were under way."""
        if self.failed is not None:
            return False
        try:
            command = self._next or next(self._commands, None)
            if command is None:
                return False
            placed = command if isinstance(command, Placed) else Placed(command, ())
            facts = len(placed.facts)
            if self._under_way and self._under_way + facts > UNDER_WAY_FACTS:
                self._next = placed
                return False
            self._next = None
            asked = Command(self._authority, tuple(placed.facts))
            self._ledger.submit(asked, self._deliver, placed.places)
        except Exception as error:  # noqa: BLE001 - raised by `load`: whoever drives must not fail
            self.failed = error
            return False
        self._under_way += facts
        return True

    def _deliver(self, tickets: Sequence[Ticket]) -> None:
        facts = sum(len(ticket.command.facts) for ticket in tickets)
        self._under_way -= facts
        try:
            for ticket in tickets:
                self.outcome.take(ticket.command.facts, ticket, ticket.tag)
            self._progress(facts)
        except Exception as error:  # noqa: BLE001 - the same
            self.failed = self.failed or error
