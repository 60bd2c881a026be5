"""Commands on their way through the writer, and what came of them."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import structlog

from ledger.domain.commands import Command, Receipt
from ledger.domain.history import Entry
from ledger.store.batch import Slip
from ledger.store.codec import Leaf
from ledger.store.rows import Known, Row

log: Final = structlog.get_logger(__name__)

Answer = Row | Receipt
"""To one fact: the row it became, or the receipt of a row that was there before."""


class Ticket:
    """A command on its way, and what came of it: an answer to each fact, or the error that says
    why not."""

    __slots__ = ("answers", "command", "deliver", "error", "slips", "tag", "tree")

    def __init__(
        self, command: Command, slips: Sequence[Slip], deliver: "Deliver", tag: Any
    ) -> None:
        self.command = command
        self.slips = slips
        self.deliver = deliver
        self.tag = tag
        self.answers: list[Answer] = []
        self.error: Exception | None = None
        self.tree = (0, "")
        """Size and root of the tree that the transaction left behind, once it is known."""

    def result(self) -> list[Receipt]:
        """The receipts, in the order of the facts. Raises Refused, or what kept the batch back."""
        if self.error is not None:
            raise self.error
        return self.receipts

    @property
    def receipts(self) -> list[Receipt]:
        """The receipts, in the order of the facts: made here, since not everybody asks."""
        return list(map(self._receipt, self.answers))

    @property
    def recorded(self) -> int:
        """How many facts are new."""
        return sum(type(answer) is Row for answer in self.answers)

    @property
    def position(self) -> int:
        """Where the last fact stands."""
        return self._receipt(self.answers[-1]).position

    def _receipt(self, answer: Answer) -> Receipt:
        receipt = receipt_of(answer.entry, answer) if isinstance(answer, Row) else answer
        if not receipt.tree_size:
            receipt.tree_size, receipt.root = self.tree
        return receipt


Deliver = Callable[[Sequence[Ticket]], None]
"""Called where the writer is driven, with all finished tickets of one caller at once."""


def receipt_of(entry: Entry | Leaf, known: Known, *, duplicate: bool = False) -> Receipt:
    """What whoever posted a fact is told of it, from the entry it became or the leaf it is."""
    return Receipt(
        entry.id,
        entry.source,
        entry.position,
        entry.recorded_at,
        known.leaf_hash.hex(),
        entry.stream,
        entry.version,
        known.tree_size,
        known.root.hex(),
        duplicate,
    )


def facts_of(batch: Sequence[Ticket]) -> int:
    """How many facts a batch holds."""
    return sum(len(ticket.command.facts) for ticket in batch)


def named(batch: Sequence[Ticket]) -> dict[str, Any]:
    """For the log: how many facts, and the ids by which clients know the first of them."""
    facts = [fact for ticket in batch for fact in ticket.command.facts]
    found: dict[str, Any] = {"facts": len(facts), "ids": [fact.id for fact in facts[:10]]}
    if correlations := {fact.correlation for fact in facts if fact.correlation}:
        found["correlations"] = sorted(correlations)[:10]
    return found


def hand_back(batch: Sequence[Ticket]) -> None:
    """Deliver finished tickets, once per caller."""
    by_caller: dict[int, list[Ticket]] = {}
    for ticket in batch:
        by_caller.setdefault(id(ticket.deliver), []).append(ticket)
    for tickets in by_caller.values():
        try:
            tickets[0].deliver(tickets)
        except Exception:  # a caller's defect must not keep the others waiting
            log.exception("delivery_failed", commands=len(tickets))
