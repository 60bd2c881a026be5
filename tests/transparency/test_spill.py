"""Equal keys meet in one part, however little is kept in memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from ledger.transparency import spill
from ledger.transparency.spill import Spill


def by_number(lines: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Lines of a number and another one, by the first."""
    for line in lines.splitlines(keepends=True):
        yield line.split()[0], line


def pairs(part: bytes) -> list[tuple[int, int]]:
    return [(int(key), int(n)) for key, n in map(bytes.split, part.splitlines())]


@pytest.mark.parametrize("part_bytes", [1, 60, 1 << 20])
@pytest.mark.parametrize("buffered_bytes", [1, 700, 1 << 20])
def test_every_record_is_given_back_once_in_order_and_with_all_of_its_key(
    monkeypatch: pytest.MonkeyPatch, part_bytes: int, buffered_bytes: int
) -> None:
    monkeypatch.setattr(spill, "PARTS", 7)
    with Spill(by_number, part_bytes=part_bytes, buffered_bytes=buffered_bytes) as spread:
        spread.add((b"%d" % (n % 20), b"%d %d\n" % (n % 20, n)) for n in range(300))
        given = [pairs(part) for part in spread.parts()]

    assert sorted(n for part in given for _, n in part) == list(range(300))
    for key in range(20):
        (mine,) = [part for part in given if any(k == key for k, _ in part)]
        assert [n for k, n in mine if k == key] == list(range(key, 300, 20))


def test_a_part_that_became_too_large_is_spread_once_more() -> None:
    keys = 20_000
    with Spill(by_number, part_bytes=256, buffered_bytes=1 << 20) as spread:
        spread.add((b"%d" % n, b"%d %d\n" % (n, n)) for n in range(keys))
        sizes = [len(part) for part in spread.parts()]

    assert sum(sizes) == sum(len(b"%d %d\n" % (n, n)) for n in range(keys))
    assert max(sizes) <= 256


def test_what_has_one_key_stays_together_however_much_it_is() -> None:
    with Spill(by_number, part_bytes=10, buffered_bytes=1) as spread:
        spread.add((b"1", b"1 %d\n" % n) for n in range(1_000))
        (part,) = filter(None, spread.parts())

    assert pairs(part) == [(1, n) for n in range(1_000)]


def test_memory_does_not_grow_with_what_is_put_away() -> None:
    def kept_bytes(records: int) -> int:
        with Spill(by_number, part_bytes=1 << 20, buffered_bytes=1 << 15) as spread:
            tracemalloc.start()
            spread.add((b"%d" % n, b"%d %d\n" % (n, n)) for n in range(records))
            kept, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        return kept

    few, many = kept_bytes(10_000), kept_bytes(200_000)
    assert many < few + 20_000
