"""Leaves read many at a time are those that are read one by one, and nothing else passes."""

from __future__ import annotations

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.transparency.leaves import UNREADABLE, Broken, Leaf, check_all, read, read_many
from tests.transparency.small_log import leaf

GOOD = [leaf(n) for n in range(1, 4)]


def one_by_one(lines: list[bytes]) -> list[Leaf] | None:
    try:
        return [read(line) for line in lines]
    except UNREADABLE:
        return None


def at_once(lines: list[bytes]) -> list[Leaf] | None:
    try:
        return read_many(lines)
    except UNREADABLE:
        return None


def with_data(data: object) -> bytes:
    """A leaf with such data, its names in order."""
    return msgspec.json.encode(orjson.loads(GOOD[0]) | {"data": data}, order="deterministic")


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"{}",
        b"[" * 3_000,
        GOOD[0] + b" ",
        GOOD[0].replace(b":", b": ", 1),
        GOOD[0].replace(b'"v":1', b'"v":2'),
        GOOD[0].replace(b'"v":1', b'"v":1,"w":1'),
        GOOD[0].replace(b'"v":1', b'"v":1\n'),
        with_data({"n": 2**53}),
        with_data({"n": 1.5}),
        with_data({"n": "u\u0308"}),
        with_data({"n": "\x00"}),
        with_data({"\u00fc": 1}),
        with_data({"n": "x" * 70_000}),
    ],
)
def test_one_that_is_wrong_is_wrong_among_others(bad: bytes) -> None:
    assert one_by_one([bad]) is None
    assert at_once([GOOD[0], bad, GOOD[1]]) is None


def test_control_those_that_are_right_are_read() -> None:
    lines = [*GOOD, with_data({"n": "\u00fc \ud7a3 \U0001f600", "m": [2**53 - 1, None, True]})]
    assert at_once(lines) == one_by_one(lines) != []


TEXTS = st.text(max_size=6) | st.sampled_from(["u\u0308", "\x00", "\\u0000", "\u00fc", "\\"])
DATA = st.dictionaries(
    TEXTS, st.recursive(TEXTS | st.integers() | st.none(), st.lists, max_leaves=4), max_size=3
)


@given(st.lists(DATA.map(with_data), min_size=1, max_size=4))
def test_many_are_read_as_each_is(lines: list[bytes]) -> None:
    assert at_once(lines) == one_by_one(lines)


@given(st.data(), st.binary(min_size=1, max_size=2))
def test_whatever_stands_anywhere_in_a_line(data: st.DataObject, put: bytes) -> None:
    line = GOOD[1]
    at = data.draw(st.integers(0, len(line)))
    gone = data.draw(st.integers(0, 3))
    lines = [GOOD[0], line[:at] + put + line[at + gone :], GOOD[2]]
    assert at_once(lines) == one_by_one(lines)


AGAIN = {"id": "e1"}
GAP = {"stream": "00000000-0000-4000-8000-000000000000"}


@pytest.mark.parametrize("seen_later", [AGAIN, GAP])
@pytest.mark.parametrize(
    "seen_at_once", [leaf(6), leaf(5, recorded_at="2026"), leaf(5, version=9), b"{}"]
)
def test_the_first_of_two_wrong_facts_of_a_batch_is_named(
    seen_later: dict[str, object], seen_at_once: bytes
) -> None:
    later_first = [leaf(1), leaf(2, **seen_later), leaf(3), leaf(4), seen_at_once]
    with pytest.raises(Broken) as named:
        check_all([later_first], 0)
    assert named.value.position == 2

    with pytest.raises(Broken) as named:
        check_all([[leaf(n) for n in range(1, 5)] + [seen_at_once]], 0)
    assert named.value.position == 5
