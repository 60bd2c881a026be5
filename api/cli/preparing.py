"""Facts made ready in a process of their own: read, decoded, put into canonical form, their keys
and streams worked out. What is left to the process that records them is what only it can do.
"""

import multiprocessing
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from multiprocessing.connection import Connection
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from api.cli.processes import tune
from ledger.domain.commands import Incoming
from ledger.domain.streams import Kind
from ledger.store.batch import Slip, slips_of
from ledger.store.codec import fact_of
from ledger.store.processes import die_with

T = TypeVar("T")
Source = Callable[[], Generator[Sequence[Incoming], None, T]]
"""Makes the facts, command by command, and returns what else is to be known of them. Pickled."""

_KINDS: Final = {int(kind): kind for kind in Kind}


class _Sent(Struct, frozen=True, array_like=True, gc=False):
    """A slip on its way between two processes."""

    id: str
    source: str
    topic: str
    data: bytes
    causation: str | None
    correlation: str | None
    expected_version: int | None
    key: bytes
    kind: int | None
    stream: bytes | None

    def received(self) -> Slip:
        """The slip again."""
        fact = fact_of(self.topic, self.data)
        incoming = Incoming(
            self.id,
            self.source,
            self.topic,
            fact,
            self.data,
            self.causation,
            self.correlation,
            self.expected_version,
        )
        if self.kind is None or self.stream is None:
            return Slip(incoming, self.key, None, None)
        return Slip(incoming, self.key, _KINDS[self.kind], UUID(bytes=self.stream))


def _sent(slip: Slip) -> _Sent:
    incoming = slip.incoming
    return _Sent(
        incoming.id,
        incoming.source,
        incoming.topic,
        incoming.data,
        incoming.causation,
        incoming.correlation,
        incoming.expected_version,
        slip.key,
        None if slip.kind is None else int(slip.kind),
        None if slip.stream is None else slip.stream.bytes,
    )


class Prepared(Generic[T]):
    """The commands of a source as slips, once; then `result` is what the source returned.

    Raises what the source raised, or EOFError where its process was killed.
    """

    result: T

    def __init__(self, source: Source[T], space: UUID) -> None:
        self._source = source
        self._space = space

    def __iter__(self) -> Iterator[tuple[Slip, ...]]:
        context = multiprocessing.get_context("spawn")
        receiver, sender = context.Pipe(duplex=False)
        process = context.Process(
            target=_prepare,
            args=(os.getpid(), sender, self._source, self._space),
            name="preparing",
            daemon=True,
        )
        process.start()
        sender.close()
        decode = msgspec.msgpack.Decoder(list[_Sent]).decode
        try:
            while message := receiver.recv_bytes():
                yield tuple(sent.received() for sent in decode(message))
            outcome: Any = receiver.recv()
        finally:
            receiver.close()
            process.terminate()
            process.join()
        if isinstance(outcome, Exception):
            raise outcome
        self.result = outcome


def _prepare(parent: int, sender: Connection, source: Source[Any], space: UUID) -> None:
    """The process: a message for each command, an empty one, then the result or the error."""
    die_with(parent)
    tune()
    encode = msgspec.msgpack.Encoder().encode
    commands = source()
    outcome: Any
    try:
        while True:
            facts = next(commands)
            sender.send_bytes(encode([_sent(slip) for slip in slips_of(space, facts)]))
    except StopIteration as done:
        outcome = done.value
    except Exception as error:  # noqa: BLE001 - it is raised where the facts were wanted
        outcome = error
    sender.send_bytes(b"")
    sender.send(outcome)
