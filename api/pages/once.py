"""What is the same for ever is counted once and kept, the latest asked for."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Once(Generic[K, V]):
    """Counts what a key stands for, and keeps `most` answers. Lives in the event loop.

    Who asks while it is being counted waits for that one count; whoever gives up leaves it running.
    What fails is told to the next who asks, and not kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, asyncio.Future[V]] = OrderedDict()

    async def of(self, key: K, count: Callable[[], Awaitable[V]]) -> V:
        """The answer; whatever counting it raises."""
        counting = self._kept.pop(key, None)
        if counting is None:
            counting = asyncio.ensure_future(count())
        self._kept[key] = counting
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)
        try:
            return await asyncio.shield(counting)
        except Exception:
            self._kept.pop(key, None)
            raise

    def forget(self, key: K) -> None:
        """Count it anew when it is asked for next."""
        self._kept.pop(key, None)
