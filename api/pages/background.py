"""What takes seconds is counted in the background: its page comes at once and says how far it is.

A page that waits for it leaves with Underway, which sheet.py shows as a page of its own with the
status 202: it comes back by itself until the answer is there, with or without scripts. JSON and CSV
are for programs, and wait. `Prefer: wait=` lets a page wait too.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from functools import partial
from typing import Any, Final, TypeVar

from aiohttp import web

from api.pages.once import Once
from api.pages.sheet import HTML, Ask, Underway
from api.problems import Problem
from api.requests import prefers_to_wait_s
from projections.figures.catalogue import Text

PATIENCE_S: Final = 0.05
"""So long a page waits before it says that it is being counted."""
AT_ONCE: Final = 2
"""Half of a process's readers: the other half is for pages that only look."""
QUEUE_MOST: Final = 16
KEPT_MOST: Final = 24
"""The complete set, drawn in both languages, takes some fifteen megabytes."""

V = TypeVar("V")


class Tally:
    """How far a count is: `done` of at most `of` steps; None while others go first.

    Told from a reader's thread.
    """

    def __init__(self) -> None:
        self._began = time.monotonic()
        self.done = 0
        self.of: int | None = None

    def tell(self, done: int, of: int) -> None:
        """So far it is."""
        self.done, self.of = done, of

    @property
    def seconds(self) -> int:
        """Since it was asked for."""
        return int(time.monotonic() - self._began)


class Background:
    """Counts in the background, and keeps what it counted. Lives in the event loop."""

    def __init__(self) -> None:
        self._once: Once[Hashable, Any] = Once(KEPT_MOST)
        self._tallies: dict[Hashable, Tally] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def of(
        self,
        ask: Ask[Any],
        what: Text,
        key: Hashable,
        count: Callable[[Tally], Awaitable[V]],
        *,
        at: int | None = None,
    ) -> V:
        """The answer that a key stands for; whatever counting it raises.

        `what` is the title of the page that says that it is being counted, `at` the position that
        it comes back to. Raises Underway, and Problem `unavailable` where too much is waiting.
        """
        answer: asyncio.Future[V] = asyncio.ensure_future(
            self._once.of(key, partial(self._counted, key, count))
        )
        if ask.media != HTML:
            return await answer
        patience_s = max(PATIENCE_S, prefers_to_wait_s(ask.request))
        if not (await asyncio.wait({answer}, timeout=patience_s))[0]:
            answer.cancel()  # the count itself goes on
            tally = self._tallies.get(key, Tally())
            raise Underway(what, tally.done, tally.of, tally.seconds, at)
        return answer.result()

    def forget(self, key: Hashable) -> None:
        """Count it anew when it is asked for next."""
        self._once.forget(key)

    async def _counted(self, key: Hashable, count: Callable[[Tally], Awaitable[V]]) -> V:
        if len(self._tallies) >= QUEUE_MOST:
            raise Problem(
                "unavailable",
                "Too much is being counted already. Try again in a moment.",
                headers={"Retry-After": "10"},
            )
        tally = self._tallies[key] = Tally()
        try:
            async with self._turns:
                tally.tell(0, 1)
                return await count(tally)
        finally:
            self._tallies.pop(key, None)


BACKGROUND: Final = web.AppKey("background", Background)
