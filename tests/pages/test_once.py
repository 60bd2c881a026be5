"""What never changes is counted once, however many ask."""

from __future__ import annotations

import asyncio

import pytest

from api.pages.once import Once
from tests.awaiting import awaited


def test_who_asks_meanwhile_waits_for_the_same_count() -> None:
    counts: list[int] = []

    async def count() -> int:
        counts.append(1)
        await asyncio.sleep(0)
        return len(counts)

    async def ask() -> list[int]:
        kept: Once[str, int] = Once(most=1)
        together = await asyncio.gather(kept.of("a", count), kept.of("a", count))
        await kept.of("b", count)
        return [*together, await kept.of("b", count), await kept.of("a", count)]

    assert awaited(ask()) == [1, 1, 2, 3], "a went when b came"


def test_what_failed_is_counted_again() -> None:
    async def ask() -> int:
        kept: Once[str, int] = Once(most=1)

        async def failing() -> int:
            raise ValueError("now")

        async def count() -> int:
            return 7

        with pytest.raises(ValueError, match="now"):
            await kept.of("a", failing)
        return await kept.of("a", count)

    assert awaited(ask()) == 7


def test_what_failed_while_nobody_waited_is_told_to_the_next() -> None:
    async def ask() -> int:
        kept: Once[str, int] = Once(most=1)
        gate = asyncio.Event()

        async def failing() -> int:
            await gate.wait()
            raise ValueError("then")

        async def count() -> int:
            return 7

        gives_up = asyncio.ensure_future(kept.of("a", failing))
        await asyncio.sleep(0)
        gives_up.cancel()
        await asyncio.wait({gives_up})
        gate.set()
        with pytest.raises(ValueError, match="then"):
            await kept.of("a", count)
        return await kept.of("a", count)

    assert awaited(ask()) == 7


def test_what_was_forgotten_is_counted_again() -> None:
    counts: list[int] = []

    async def count() -> int:
        counts.append(1)
        return len(counts)

    async def ask() -> list[int]:
        kept: Once[str, int] = Once(most=1)
        before = await kept.of("a", count)
        kept.forget("a")
        return [before, await kept.of("a", count)]

    assert awaited(ask()) == [1, 2]
