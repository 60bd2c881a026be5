"""Leaves read many at a time are those that are read one by one, and nothing else passes."""

from __future__ import annotations

from io import BytesIO

import msgspec
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.transparency.leaves import (
    LEAF_BYTES_MAX,
    READ_BYTES,
    UNREADABLE,
    Broken,
    Leaf,
    blocks,
    check_all,
    lines,
    read,
    read_many,
)
from tests.transparency.small_log import leaf

GOOD = [leaf(n) for n in range(1, 4)]


def block(leaves: list[bytes]) -> bytes:
    return b"".join(line + b"\n" for line in leaves)


def one_by_one(leaves: list[bytes]) -> list[Leaf] | None:
    try:
        return [read(line) for line in lines(block(leaves))]
    except UNREADABLE:
        return None


def at_once(leaves: list[bytes]) -> list[Leaf] | None:
    try:
        return read_many(block(leaves))
    except UNREADABLE:
        return None


def with_(**parts: object) -> bytes:
    """A leaf with such parts, its names in order."""
    return msgspec.json.encode(orjson.loads(GOOD[0]) | parts, order="deterministic")


def with_data(data: object) -> bytes:
    return with_(data=data)


def with_stream(stream: str) -> bytes:
    return with_(stream=stream)


STREAM = "01234567-89ab-4def-8123-456789abcdef"


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
        with_stream(""),
        with_stream(STREAM.upper()),
        with_stream(STREAM.replace("-", "")),
        with_stream(STREAM.replace("0", "g")),
        with_stream(STREAM.replace("0", "-")),
        with_stream(STREAM.replace("-", "0")),
        with_stream(STREAM.replace("01", "  ")),
        with_stream(STREAM[:-1]),
        with_stream(f"{STREAM}0"),
        with_stream(STREAM[::-1]),
    ],
)
def test_one_that_is_wrong_is_wrong_among_others(bad: bytes) -> None:
    assert one_by_one([bad]) is None
    assert at_once([GOOD[0], bad, GOOD[1]]) is None


def test_control_those_that_are_right_are_read() -> None:
    text = {"n": "\u00fc \ud7a3 \U0001f600", "m": [2**53 - 1, None, True]}
    leaves = [*GOOD, with_data(text), with_stream(STREAM)]
    assert at_once(leaves) == one_by_one(leaves) != []


TEXTS = st.text(max_size=6) | st.sampled_from(["u\u0308", "\x00", "\\u0000", "\u00fc", "\\"])
DATA = st.dictionaries(
    TEXTS, st.recursive(TEXTS | st.integers() | st.none(), st.lists, max_leaves=4), max_size=3
)


@given(st.lists(DATA.map(with_data), min_size=1, max_size=4))
def test_many_are_read_as_each_is(leaves: list[bytes]) -> None:
    assert at_once(leaves) == one_by_one(leaves)


SHIFTED = st.integers(-2, 2).map(lambda by: STREAM[by:] if by > 0 else STREAM + "0" * -by)
STREAMS = st.text("0123456789abcdefAF- g", min_size=34, max_size=38) | SHIFTED


@given(st.lists((SHIFTED | STREAMS).map(with_stream), min_size=1, max_size=4))
def test_a_stream_is_a_uuid_beside_others_as_alone(leaves: list[bytes]) -> None:
    assert at_once(leaves) == one_by_one(leaves)


@given(st.data(), st.binary(min_size=1, max_size=2))
def test_whatever_stands_anywhere_in_a_line(data: st.DataObject, put: bytes) -> None:
    line = GOOD[1]
    at = data.draw(st.integers(0, len(line)))
    gone = data.draw(st.integers(0, 3))
    leaves = [GOOD[0], line[:at] + put + line[at + gone :], GOOD[2]]
    assert at_once(leaves) == one_by_one(leaves)


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
        check_all([block(later_first)], 0)
    assert named.value.position == 2

    with pytest.raises(Broken) as named:
        check_all([block([leaf(n) for n in range(1, 5)] + [seen_at_once])], 0)
    assert named.value.position == 5


def named(leaves: list[bytes]) -> int | None:
    """The position of what is found to be wrong."""
    try:
        check_all([block([one]) for one in leaves], 0)
    except Broken as broken:
        return broken.position
    return None


IDS = st.text("12\n/", max_size=3)


@given(st.lists(st.tuples(IDS, IDS), min_size=1, max_size=12))
def test_the_first_id_that_its_source_used_before_is_named(used: list[tuple[str, str]]) -> None:
    leaves = [leaf(n, source=source, id=id) for n, (source, id) in enumerate(used, 1)]
    again = [n for n, one in enumerate(used) if one in used[:n]]
    assert named(leaves) == (again[0] + 1 if again else None)


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12), st.integers(0, 12), st.integers(-2, 2))
def test_the_first_version_that_does_not_follow_on_its_streams_last_one_is_named(
    streams: list[int], at: int, by: int
) -> None:
    versions = [streams[: n + 1].count(stream) for n, stream in enumerate(streams)]
    at %= len(versions)
    versions[at] += by
    leaves = [
        leaf(n, stream=STREAM[:-1] + str(stream), version=version)
        for n, (stream, version) in enumerate(zip(streams, versions, strict=True), 1)
    ]
    assert named(leaves) == (at + 1 if by else None)


LENGTHS = st.sampled_from([0, 1, 2, 1_000, LEAF_BYTES_MAX - 1, LEAF_BYTES_MAX])


@given(st.lists(LENGTHS, max_size=12), st.integers(-3, 3))
def test_a_file_comes_in_whole_lines(lengths: list[int], off: int) -> None:
    fills = max(READ_BYTES - sum(lengths) - len(lengths) + off, 0)  # an end near a reading's
    short = [LEAF_BYTES_MAX] * (fills // (LEAF_BYTES_MAX + 1)) + [fills % (LEAF_BYTES_MAX + 1)]
    found = [b"x" * length for length in [*short, *lengths]]
    read = list(blocks(BytesIO(block(found)), lambda: 0))
    assert b"".join(read) == block(found)
    assert all(part.endswith(b"\n") for part in read)


@pytest.mark.parametrize("before", [0, 1, 2, 5, 11])
@pytest.mark.parametrize("last", [b"x", b"x" * (LEAF_BYTES_MAX + 1), b"x" * (2 * READ_BYTES)])
def test_a_line_without_end_is_named_after_those_before_it_came(before: int, last: bytes) -> None:
    file = BytesIO(block([b"x" * 60_000] * before) + last)
    came: list[int] = []
    with pytest.raises(Broken) as named:
        came.extend(len(lines(part)) for part in blocks(file, lambda: 7 + sum(came)))
    assert (sum(came), named.value.position) == (before, 7 + before + 1)


def test_a_leaf_that_is_too_long_is_named() -> None:
    too_long = with_data({"n": "x" * LEAF_BYTES_MAX})
    with pytest.raises(Broken, match=r"position 2: the leaf has 65,\d{3} bytes"):
        check_all(blocks(BytesIO(block([leaf(1), too_long, leaf(3)])), lambda: 0), 0)
