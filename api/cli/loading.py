"""Many facts through the ledger's own service, at full speed: what `demo` and `post` share."""

from collections.abc import Callable, Iterable, Sequence
from threading import Condition
from typing import Final

from msgspec import Struct

from ledger.domain.commands import Authority, Command, Incoming, Receipt, Refused
from ledger.service import Ledger
from ledger.store.writer import Ticket

UNDER_WAY_MAX: Final = 24
"""Commands decoded ahead of the writer: enough that it never waits, few enough to stay small."""


class Refusal(Struct, frozen=True):
    """A fact that was refused."""

    id: str
    source: str
    code: str
    detail: str


class Outcome(Struct):
    """What came of a load so far."""

    recorded: int = 0
    duplicates: int = 0
    refused: int = 0
    first_refusals: list[Refusal] = []
    position: int = 0

    def take(self, facts: Sequence[Incoming], ticket: Ticket) -> None:
        """Count a finished command. Raises what is no refusal."""
        if ticket.error is None:
            self._count(ticket.receipts)
        elif isinstance(ticket.error, Refused):
            self.refused += len(facts)
            if len(self.first_refusals) < 20:
                fact = facts[ticket.error.item]
                code = ticket.error.refusal.code
                refusal = Refusal(fact.id, fact.source, code, str(ticket.error))
                self.first_refusals.append(refusal)
        else:
            raise ticket.error

    def _count(self, receipts: Sequence[Receipt]) -> None:
        for receipt in receipts:
            if receipt.duplicate:
                self.duplicates += 1
            else:
                self.recorded += 1
        self.position = max(self.position, receipts[-1].position)


def load(
    ledger: Ledger,
    authority: Authority,
    commands: Iterable[Sequence[Incoming]],
    progress: Callable[[int], None],
) -> Outcome:
    """Record commands in order, each together or not at all; `progress` hears of facts done."""
    outcome = Outcome(first_refusals=[])
    finished: list[Ticket] = []
    changed = Condition()
    under_way = 0

    def deliver(tickets: Sequence[Ticket]) -> None:
        with changed:
            finished.extend(tickets)
            changed.notify()

    def settle(limit: int) -> None:
        nonlocal under_way
        with changed:
            while under_way - len(finished) > limit:
                changed.wait()
            done, finished[:] = list(finished), []
        for ticket in done:
            under_way -= 1
            outcome.take(ticket.command.facts, ticket)
            progress(len(ticket.command.facts))

    for facts in commands:
        settle(UNDER_WAY_MAX - 1)
        ledger.submit(Command(authority, tuple(facts)), deliver)
        under_way += 1
    settle(0)
    return outcome
