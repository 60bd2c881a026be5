"""Many facts through the ledger's own service, at full speed: what `demo` and `post` share."""

from collections.abc import Callable, Iterable, Sequence
from threading import Condition
from typing import Final

from msgspec import Struct

from ledger.domain.commands import Authority, Command, Incoming, Receipt, Refused
from ledger.service import Ledger
from ledger.store.writer import Ticket

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
            self._count(ticket.receipts)
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

    def _count(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            if receipt.duplicate:
                self.duplicates += 1
            else:
                self.recorded += 1
        self.position = max(self.position, receipts[-1].position)


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

    Raises OutcomeUnknown, and what else is no refusal.
    """
    outcome = outcome or Outcome(first_refusals=[])
    finished: list[Ticket] = []
    finished_facts = 0
    changed = Condition()
    under_way = 0

    def deliver(tickets: Sequence[Ticket]) -> None:
        nonlocal finished_facts
        with changed:
            finished.extend(tickets)
            finished_facts += sum(len(ticket.command.facts) for ticket in tickets)
            changed.notify()

    def settle(limit: int) -> None:
        """Count what is done, until no more than so many facts are under way."""
        nonlocal under_way, finished_facts
        with changed:
            while under_way - finished_facts > limit:
                changed.wait()
            done, finished[:] = list(finished), []
            facts, finished_facts = finished_facts, 0
        under_way -= facts
        for ticket in done:
            outcome.take(ticket.command.facts, ticket, ticket.tag or ())
        if facts:
            progress(facts)

    for command in commands:
        facts, places = (
            (command.facts, command.places) if isinstance(command, Placed) else (command, ())
        )
        settle(max(UNDER_WAY_FACTS - len(facts), 0))
        ledger.submit(Command(authority, tuple(facts)), deliver, places)
        under_way += len(facts)
    settle(0)
    return outcome
