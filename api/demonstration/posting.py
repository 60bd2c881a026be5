"""What is posted, and the desk that posts it: planned work waits in buckets by day and becomes
facts on its day.
"""

from collections.abc import Callable, Sequence
from random import Random
from typing import Any, Final

import msgspec
import orjson

from .clusters import CODES, OFFICE_SOURCE, PILOT_INDEX, SOURCES
from .days import Days

OFFICE: Final = -1
"""The poster's index when the programme office posts and no cluster's app does."""


class Posted(msgspec.Struct, frozen=True, gc=False):
    """One fact as an app would post it.

    `data` is canonical JSON (sorted keys, compact, no nulls, UTF-8). `cluster` is the code of the
    cluster whose app posts, None for the programme office. Facts that share a `group` (not None)
    are one command: all or nothing.
    """

    id: str
    source: str
    type: str
    data: bytes
    causation: str | None = None
    correlation: str | None = None
    cluster: str | None = None
    group: int | None = None


def canonical(data: dict[str, Any]) -> bytes:
    """RFC 8785 bytes for what facts hold (ASCII keys, no floats); absent values must already be
    left out.
    """
    # Copied: orjson's own object keeps the kilobytes of its buffer as long as it lives, and the
    # plan keeps a hundred thousand of them.
    return bytes(memoryview(orjson.dumps(data, option=orjson.OPT_SORT_KEYS)))


class Desk:
    """Work planned by day, and the facts of the day at hand in `out`.

    An entry is (callable, *arguments). Entries of one day run in the order they were planned, so
    whoever plans a life in order is posted in order, also where the programme's end squeezes late
    facts onto its last day.
    """

    __slots__ = (
        "_buckets",
        "_causation",
        "_group",
        "_kept",
        "_prefix",
        "by_type",
        "count",
        "days",
        "out",
        "rng",
        "today",
    )

    def __init__(self, days: Days, rng: Random, prefix: str) -> None:
        self.days = days
        self.rng = rng
        self.out: list[Posted] = []
        self.count = 0
        self.today = 0
        self.by_type: dict[str, int] = {}
        self._prefix = prefix
        self._buckets: list[list[tuple[Any, ...]]] = [[] for _ in range(days.end + 1)]
        self._kept: dict[tuple[Any, ...], str] = {}
        self._group: int | None = None
        self._causation: str | None = None

    def at(self, day: int, call: Callable[..., object], *arguments: Any) -> None:
        """Plans `call` for a day; what would be recorded after the programme's end is recorded on
        its last day.
        """
        day = min(max(day, 0), self.days.end)
        assert day >= self.today, "work planned for a day that is over would be lost"
        self._buckets[day].append((call, *arguments))

    def at_cluster(
        self, cluster: int, day: int, call: Callable[..., object], *arguments: Any
    ) -> None:
        """As `at`, but the pilot's app is silent from the pilot's closing on."""
        self.at(
            min(day, self.days.pilot_closed - 1) if cluster == PILOT_INDEX else day,
            call,
            *arguments,
        )

    def run(self, day: int) -> list[Posted]:
        """The facts of one day, in posting order. Entries may plan more for this day or a later
        one.
        """
        self.today, bucket = day, self._buckets[day]
        self.out = []
        for call, *arguments in bucket:
            call(*arguments)
        self._buckets[day] = []
        return self.out

    def post(
        self, poster: int, kind: str, data: dict[str, Any], correlation: str | None = None
    ) -> str:
        """Posts one fact now and returns its id."""
        return self.send(poster, kind, canonical(data), correlation)

    def send(self, poster: int, kind: str, data: bytes, correlation: str | None = None) -> str:
        """As `post`, with bytes that are already canonical."""
        self.count += 1
        fact_id = f"{self._prefix}{self.count}"
        self.by_type[kind] = self.by_type.get(kind, 0) + 1
        source, code = (
            (OFFICE_SOURCE, None) if poster == OFFICE else (SOURCES[poster], CODES[poster])
        )
        self.out.append(
            Posted(fact_id, source, kind, data, self._causation, correlation, code, self._group)
        )
        return fact_id

    def attendances(
        self,
        poster: int,
        kind: str,
        activity_id: str,
        people: Sequence[bytes],
        correlation: str | None = None,
    ) -> None:
        """Posts one fact a person: the programme's bulk, so bytes are joined, not encoded."""
        start = b'{"activity_id":"%b",' % activity_id.encode()
        first, prefix, source, code = self.count + 1, self._prefix, SOURCES[poster], CODES[poster]
        self.out.extend(
            [
                Posted(
                    f"{prefix}{number}",
                    source,
                    kind,
                    b"%b%b}" % (start, person),
                    None,
                    correlation,
                    code,
                )
                for number, person in enumerate(people, first)
            ]
        )
        self.count += len(people)
        self.by_type[kind] = self.by_type.get(kind, 0) + len(people)

    def keep(self, key: tuple[Any, ...], call: Callable[..., str], *arguments: Any) -> None:
        """Runs `call` and remembers the id it posted under `key`, until it is voided."""
        self._kept[key] = call(*arguments)

    def void(self, poster: int, key: tuple[Any, ...], reason: str) -> str:
        """Voids the fact kept under `key`."""
        return self.post(
            poster, "fact.voided.v1", {"target": self._kept.pop(key), "reason": reason}
        )

    def correct(
        self,
        poster: int,
        key: tuple[Any, ...],
        reason: str,
        call: Callable[..., object],
        *arguments: Any,
    ) -> None:
        """One command: the void of what was kept under `key`, then what `call` posts, caused by the
        void.
        """
        self.together(self.void, (poster, key, reason), call, arguments)

    def together(
        self,
        first: Callable[..., str],
        given: tuple[Any, ...],
        call: Callable[..., object],
        arguments: tuple[Any, ...],
    ) -> None:
        """One command: what `first` posts, then what `call` posts with the first one's id as its
        causation.
        """
        self._group = self.count
        self._causation = None
        self._causation = first(*given)
        call(*arguments)
        self._group = self._causation = None

    def uuid(self) -> str:
        """A random UUID (version 4) from the programme's own generator."""
        bits = self.rng.getrandbits(122)
        return (
            f"{bits >> 90:08x}-{bits >> 74 & 0xFFFF:04x}-4{bits >> 62 & 0xFFF:03x}-"
            f"{'89ab'[bits >> 60 & 3]}{bits >> 48 & 0xFFF:03x}-{bits & 0xFFFFFFFFFFFF:012x}"
        )
