"""A process that posts batches of three facts for ever, printing a line for each receipt.

Started and killed by test_faults: `python -m tests.store.posting_child URL`.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import count
from threading import Semaphore

from ledger.domain.commands import Command, Incoming
from ledger.service import Ledger
from ledger.store.tickets import Ticket
from tests.domain.kit import ADMIN, fact

BATCH_FACTS = 3
IN_FLIGHT = 32


def posted(batch: int) -> tuple[Incoming, ...]:
    """The facts of a batch: the same ones whenever they are posted."""
    return tuple(
        fact(
            "cluster.registered",
            id=f"{batch}-{n}",
            cluster=f"c-{batch}-{n}",
            name="Rail",
            effective_on="2020-01-01",
        )
        for n in range(BATCH_FACTS)
    )


def main(url: str) -> None:
    free = Semaphore(IN_FLIGHT)

    def acknowledge(tickets: Sequence[Ticket]) -> None:
        for ticket in tickets:
            for receipt in ticket.result():
                sys.stdout.write(f"{receipt.id} {receipt.position} {receipt.leaf_hash}\n")
            sys.stdout.flush()
            free.release()

    with Ledger.open(url) as ledger:
        for batch in count():
            free.acquire()
            ledger.submit(Command(ADMIN, posted(batch)), acknowledge)


if __name__ == "__main__":
    main(sys.argv[1])
