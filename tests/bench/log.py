"""Figures of the log: what the tree costs posting, and how long a proof takes."""

import time
from collections.abc import Iterator, Sequence
from datetime import datetime
from random import Random
from statistics import median
from typing import Final
from uuid import uuid4

from api.cli.processes import tune
from api.logs import configure
from ledger.domain.commands import ADMIN, Authority, Command, Incoming
from ledger.service import incoming
from ledger.store.book import Book
from ledger.store.database import READER, WRITER, connect
from ledger.store.driving import WriterThread
from ledger.store.line import Line, Statement, instant_sent, int8_sent
from ledger.store.proofs import head_of
from ledger.store.tickets import Ticket
from ledger.store.tree import LockedHead, Tree, TreeHead
from ledger.store.writer import Writer
from tests.bench.children import apart
from tests.bench.rows import Row, row
from tests.bench.stage import Stage

COMMANDS_FACTS: Final = 100
ROUND_FACTS: Final = 20_000
TURNS: Final = 4
"""Of each kind a round: one takes half a second, and a shared machine's speed moves within that."""
PROOFS: Final = 100
_MOVE: Final = Statement(b"move", b"UPDATE ledger.head SET position = $1, recorded_at = $2")
OFFICE: Final = Authority(f"key:{uuid4()}", frozenset({ADMIN}))


class Treeless(Tree):
    """Posting without the tree: the head row alone follows."""

    def begin(self, line: Line, head: LockedHead, since: Sequence[bytes]) -> None:  # noqa: ARG002  # the tree's
        """Nothing is read."""
        self._position = head.position

    def append(self, leaf_hashes: Sequence[bytes]) -> None:
        """Nothing grows."""
        self._position += len(leaf_hashes)

    @property
    def head(self) -> TreeHead:
        """What receipts name: no tree."""
        return TreeHead(self._position, b"")

    def finish(self, line: Line, recorded_at: datetime) -> TreeHead:
        """The head row moves."""
        line.send(_MOVE, int8_sent(self._position), instant_sent(recorded_at))
        return self.head


def _attended(activity_id: str, count: int) -> list[Command]:
    def one() -> Incoming:
        data = {"activity_id": activity_id, "person_ref": str(uuid4())}
        return incoming(str(uuid4()), "urn:bench:log", "attendance.recorded.v1", data)

    return [
        Command(OFFICE, tuple(one() for _ in range(COMMANDS_FACTS)))
        for _ in range(count // COMMANDS_FACTS)
    ]


def _founded(writer: Writer) -> str:
    cluster, activity_id = f"c-{uuid4().hex[:12]}", str(uuid4())
    day = "2020-01-01"
    activity = {
        "activity_id": activity_id,
        "title": "Forum",
        "kind": "conference",
        "mode": "onsite",
        "starts_on": day,
        "ends_on": day,
        "organisers": [cluster],
    }
    registered = {"cluster": cluster, "name": "Rail", "effective_on": day}
    for type, data in (("cluster.registered.v1", registered), ("activity.scheduled.v1", activity)):
        writer.record(Command(OFFICE, (incoming(str(uuid4()), "urn:bench:log", type, data),)))
    return activity_id


def _posted(url: str, rounds: int) -> tuple[float, float]:
    """Facts a second with and without the tree, by turns; the median of each."""
    configure("warning")
    tune()
    rates: dict[bool, list[float]] = {True: [], False: []}
    for number in range(2 * TURNS * rounds):
        with_tree = number % 2 == 0
        book = Book(url, WRITER)
        writer = Writer(book, Tree() if with_tree else Treeless())
        thread = WriterThread(writer)
        activity_id = _founded(writer)  # a tree that is behind catches up here, not below
        rates[with_tree].append(_rate(writer, _attended(activity_id, ROUND_FACTS)))
        thread.close()
        writer.close()
        book.close()
    return median(rates[True]), median(rates[False])


def _rate(writer: Writer, commands: list[Command]) -> float:
    done: list[Ticket] = []
    began = time.perf_counter()
    for command in commands:
        while writer.queued_facts > ROUND_FACTS // 2:
            time.sleep(0.001)
        writer.submit(command, done.extend)
    while len(done) < len(commands):
        time.sleep(0.001)
    return ROUND_FACTS / (time.perf_counter() - began)


def tree_share(stage: Stage) -> Iterator[Row]:
    """Posting with the tree, beside posting without it."""
    stage.loaded()
    stage.settle()
    (value, limit), _ = apart(_posted, stage.place.url, stage.sizes.rounds)
    yield row("tree_share", value, "facts/s", limit)


def proof_ms(stage: Stage) -> Iterator[Row]:
    """Inclusion and consistency proofs over HTTP, each on a connection of its own."""
    chance = Random(1)
    found = []
    with stage.service() as service:
        with connect(stage.place.url, READER, autocommit=True) as conn:
            size = head_of(conn).size
        for _ in range(PROOFS):
            paths = (
                f"inclusion?size={size}&position={chance.randint(1, size)}",
                f"consistency?to={size}&from={chance.randint(1, size)}",
            )
            found += [service.get(f"/v1/proofs/{path}")[1] for path in paths]
    yield row("proof_ms", median(found) * 1000, "ms", 5)
