"""Clients that post over HTTP again and again until they are answered, and remember the answers."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import count
from typing import Any, Self

import aiohttp

from tests.api.running import BATCH, SOURCE

BATCH_FACTS = 3
LIMIT_S = 60
PATIENCE_S = 20
Acknowledged = dict[str, tuple[int, str]]
"""By the fact's id: position and leaf hash of its receipt."""


def events(batch: int) -> list[dict[str, Any]]:
    """A batch's facts: the same ones whenever they are posted."""
    return [
        {
            "specversion": "1.0",
            "id": f"{batch}-{n}",
            "source": SOURCE,
            "type": "cluster.registered.v1",
            "data": {"cluster": f"c-{batch}-{n}", "name": "Rail", "effective_on": "2020-01-01"},
        }
        for n in range(BATCH_FACTS)
    ]


class Posters:
    """`clients` of them, on connections of their own. Used in one event loop.

    Batches are numbered from `first`.
    """

    def __init__(self, base: str, key: str, clients: int, first: int = 0) -> None:
        self._first = first
        self._url = f"{base}/v1/facts"
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": BATCH}
        self._clients = clients
        self._stopping = False
        self._changed = asyncio.Event()
        self._answered = 0
        self.acknowledged: Acknowledged = {}
        self.batches = first
        """Which batch would be begun next: each before it may be in the ledger."""
        self.retries = 0
        self.refusals: Counter[str] = Counter()
        """Answers 503, by their code."""
        self.hung = 0
        """How often nothing came for PATIENCE_S."""
        self.slowest_s = 0.0
        """How long an answer took at most; a broken connection is none."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=PATIENCE_S)
        )
        numbers = count(self._first)
        self._tasks = [asyncio.ensure_future(self._post(numbers)) for _ in range(self._clients)]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._session.close()

    async def answers(self, number: int) -> None:
        """Wait for so many more answers."""
        enough = self._answered + number
        await self._until(lambda: self._answered >= enough)

    async def refused(self, number: int) -> None:
        """Wait for so many more answers 503."""
        enough = self.refusals.total() + number
        await self._until(lambda: self.refusals.total() >= enough)

    async def _until(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(LIMIT_S):
            while not holds():
                self._changed.clear()
                await self._changed.wait()

    async def finish(self) -> None:
        """Let every client get the answer it waits for, then end."""
        self._stopping = True
        async with asyncio.timeout(LIMIT_S):
            await asyncio.gather(*self._tasks)

    async def again(self) -> Acknowledged:
        """Post every batch that was begun once more; the receipts."""
        found: Acknowledged = {}
        for batch in range(self._first, self.batches):
            acknowledge(found, await self.until_answered(batch))
        return found

    async def _post(self, numbers: Iterable[int]) -> None:
        for batch in numbers:
            if self._stopping:
                return
            self.batches = max(self.batches, batch + 1)
            acknowledge(self.acknowledged, await self.until_answered(batch))
            self._answered += 1
            self._changed.set()

    async def until_answered(self, batch: int) -> list[Mapping[str, Any]]:
        """The receipts of a batch, posted until there are some."""
        while True:
            began = time.monotonic()
            try:
                async with self._session.post(
                    self._url, json=events(batch), headers=self._headers
                ) as answer:
                    self.slowest_s = max(self.slowest_s, time.monotonic() - began)
                    if answer.status in {200, 201}:
                        items: list[Mapping[str, Any]] = (await answer.json())["items"]
                        return items
                    assert answer.status == 503, await answer.text()
                    assert int(answer.headers["Retry-After"]) > 0
                    self.refusals[(await answer.json(content_type=None))["code"]] += 1
                    self._changed.set()
            except TimeoutError:
                self.hung += 1
            except aiohttp.ClientError:
                pass  # the connection broke, or nobody listens
            self.retries += 1
            await asyncio.sleep(0.05)


def acknowledge(acknowledged: Acknowledged, receipts: Iterable[Mapping[str, Any]]) -> None:
    for receipt in receipts:
        acknowledged[receipt["id"]] = (receipt["position"], receipt["leaf_hash"])
