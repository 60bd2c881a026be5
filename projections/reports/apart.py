"""Reports made again in a process of its own, beside one that does something else meanwhile.

It imports what that takes and nothing else: all of it is memory.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from multiprocessing.connection import Connection

from ledger.store.processes import die_with
from ledger.transparency.bag import facts_of
from projections.reports.bundled import NotRecomputed, recompute
from projections.reports.made import Made, NotMade


def work(descriptor: int) -> None:
    """The process: is told through a pipe what to load, then what to make again; says how many
    facts it has counted now and then, and last an answer."""
    pipe = Connection(descriptor)
    answer: Made | NotMade
    try:
        parent, bundle, origin, tempfile.tempdir = pipe.recv()
        die_with(parent)
        with facts_of(bundle) as file:
            told = sparing(pipe.send)
            answer = recompute(_asked(pipe), file, origin=origin, told=told)
    except NotRecomputed as error:
        answer = NotMade(error.position, error.why)
    except Exception as error:  # noqa: BLE001 - the edge of a process
        first_line, *_ = str(error).splitlines() or [""]
        answer = NotMade(0, f"{type(error).__name__}: {first_line}")
    with suppress(OSError):  # nobody asks any more
        pipe.send(answer)


def sparing(tell: Callable[[int], object]) -> Callable[[int], None]:
    """Tells of every twenty-fifth more. Whoever asked may listen only at the end, and a pipe that
    nobody reads holds some 270 numbers: then who tells one more has to wait."""
    told = 0

    def spare(done: int) -> None:
        nonlocal told
        if done - told > told // 25:
            told = done
            tell(done)

    return spare


def _asked(pipe: Connection) -> Iterator[tuple[int, bytes]]:
    yield from pipe.recv()
