"""What the workers of a service count while they answer: a row of numbers each, in shared memory.

The supervisor makes the rows and hands each worker its own, so that what a worker counted outlives
it, and whoever is scraped adds them up. One writes a row, in its event loop; a number is 8 bytes
and is never seen half written.
"""

import math
import time
from bisect import bisect_left
from collections.abc import Iterator, MutableSequence, Sequence
from itertools import accumulate
from multiprocessing.context import BaseContext
from typing import Final

from api.problems import all_codes, code_of_failure
from ledger.store.writer import Writer

ANSWER_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
"""Upper bounds of the buckets of answers; the last bucket has none."""
FAILING_S: Final = 30.0
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
"""Methods and codes that nobody defined count as one: a client must not make labels."""
CODES: Final = (*all_codes(), OTHER)
"""The same in every process: where a number stands in a row depends on it."""
ANSWERS: Final = tuple((m, first) for m in (*sorted(METHODS), OTHER) for first in range(1, 6))

Row = MutableSequence[float]


def _places(length: int, after: slice = slice(0)) -> slice:
    return slice(after.stop, after.stop + length)


# A row: the writer's numbers, its last failure (when, which code), refusals by code, answers,
# answers by bucket, seconds of all.
_WRITTEN: Final = _places(3)
_STATE: Final = _places(2, _WRITTEN)
_FAILED: Final = _places(2, _STATE)
_REFUSED: Final = _places(len(CODES), _FAILED)
_ANSWERED: Final = _places(len(ANSWERS), _REFUSED)
_WITHIN: Final = _places(len(ANSWER_SECONDS) + 1, _ANSWERED)
_SECONDS: Final = _places(1, _WITHIN)

_AT_CODE: Final = {code: _REFUSED.start + n for n, code in enumerate(CODES)}
_AT_ANSWER: Final = {answer: _ANSWERED.start + n for n, answer in enumerate(ANSWERS)}


def shared(context: BaseContext, workers: int) -> list[Row]:
    """A row of zeros for each worker, for processes of this context."""
    return [context.RawArray("d", _SECONDS.stop) for _ in range(workers)]


class Counts:
    """What one process counts, and the sums over all of its service. In the event loop only."""

    def __init__(self, rows: Sequence[Row] | None = None, own: int = 0) -> None:
        self._rows = rows or [[0.0] * _SECONDS.stop]
        self._own = self._rows[own]
        self._before = self._own[_WRITTEN]
        """What the worker had written that this one takes the place of."""

    def refused(self, code: str) -> None:
        """One refusal, by its code."""
        self._own[_AT_CODE.get(code, _AT_CODE[OTHER])] += 1

    def answered(self, method: str, status: int, seconds: float) -> None:
        """One answer."""
        self._own[_AT_ANSWER[method if method in METHODS else OTHER, status // 100]] += 1
        self._own[_WITHIN.start + bisect_left(ANSWER_SECONDS, seconds)] += 1
        self._own[_SECONDS.start] += seconds

    def wrote(self, writer: Writer) -> None:
        """What this process's writer did since it started, and what waits for it."""
        done = writer.statistics
        for n, number in enumerate((done.facts, done.batches, done.commit_s)):
            self._own[_WRITTEN.start + n] = self._before[n] + number
        self._own[_STATE] = [float(done.last_batch_facts), float(writer.queued_facts)]
        failed = [0.0, 0.0]
        if done.failure is not None:
            failed = [done.failed_at, float(CODES.index(code_of_failure(done.failure)))]
        self._own[_FAILED] = failed

    def failing(self) -> str | None:
        """The code with which facts were not recorded lately, by a worker that recorded none since;
        None where there is none. A worker that nobody posts to any more is believed for a while.
        """
        failed_at, code = max(tuple(row[_FAILED]) for row in self._rows)
        return CODES[int(code)] if time.time() - failed_at < FAILING_S else None

    def totals(self) -> "Totals":
        """All rows added up."""
        return Totals([math.fsum(column) for column in zip(*self._rows, strict=True)])


class Totals:
    """The sums over all workers, at one moment."""

    def __init__(self, row: Sequence[float]) -> None:
        self.facts, self.batches, self.commit_s = row[_WRITTEN]
        self.last_batch_facts, self.queued_facts = row[_STATE]
        self.refusals = dict(zip(CODES, row[_REFUSED], strict=True))
        self.answers = dict(zip(ANSWERS, row[_ANSWERED], strict=True))
        self.seconds = row[_SECONDS.start]
        self._within = row[_WITHIN]

    def buckets(self) -> Iterator[tuple[float, float]]:
        """Bound and how many answers took at most so long; the last bound is infinity."""
        return zip((*ANSWER_SECONDS, math.inf), accumulate(self._within), strict=True)
