"""An audit bundle as it is written: its progress, its memory, and its description."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from ledger.transparency import bundle
from ledger.transparency.bag import CRATE, InvalidBag, Member, as_tar, facts_of, write_folder
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import InvalidProof
from ledger.transparency.tiles import Tile
from tests.transparency.growing import Grown
from tests.transparency.small_log import ORIGIN, SmallLog, leaf


class Written:
    """A log whose facts are nowhere but where they are asked for, all of one length."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._grown = Grown([self._leaf(n) for n in range(1, size + 1)])

    def _leaf(self, position: int) -> bytes:
        return b'{"position":%09d,"x":"%s"}' % (position, b"x" * 300)

    def leaves(self, after: int, limit: int, upto: int | None = None) -> list[bytes]:
        end = min(after + limit, self.size if upto is None else upto)
        return [self._leaf(n) for n in range(after + 1, end + 1)]

    def leaf_bytes(self, after: int, upto: int) -> int:
        return (upto - after) * (len(self._leaf(1)) + 1)

    def tiles(self, wanted: Sequence[Tile]) -> Mapping[Tile, bytes]:
        return {tile: self._grown.tile(tile) for tile in wanted}

    def contents(self) -> bundle.Contents:
        checkpoint = Checkpoint(ORIGIN, self.size, self._grown.frontier.root())
        return bundle.Contents(b"note", checkpoint, "2026-11-22T10:00:00.000000Z")


def peak_bytes(log: Written) -> int:
    """The most memory while the bundle is written away."""
    tracemalloc.start()
    for _ in as_tar(bundle.members(log, log.contents())):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def test_memory_holds_one_batch_of_facts_however_many_there_are() -> None:
    few, many = peak_bytes(Written(12_000)), peak_bytes(Written(40_000))

    assert few > bundle.BATCH_FACTS * 300  # the control: a batch is seen
    assert many < 1.2 * few


@pytest.fixture(params=["a folder", "a tar"])
def put(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Iterable[Member]], Path]:
    """Where such files lie."""

    def write(members: Iterable[Member]) -> Path:
        path = tmp_path / "bundle"
        if request.param == "a tar":
            path.write_bytes(b"".join(as_tar(members)))
        else:
            write_folder(members, path)
        return path

    return write


def test_its_facts_are_read_without_the_other_files(
    put: Callable[[Iterable[Member]], Path],
) -> None:
    log = SmallLog.of(300)
    with facts_of(put(bundle.members(log, log.contents()))) as file:
        assert file.read() == b"".join(leaf(n) + b"\n" for n in range(1, 301))


def test_a_bag_without_facts_is_a_sentence(put: Callable[[Iterable[Member]], Path]) -> None:
    path = put([Member.of("data/checkpoint", b"x")])
    with pytest.raises(InvalidBag, match=r"(There is|The bundle has) no .*data/facts\.ndjson"):
        facts_of(path).__enter__()


def test_progress_is_told_after_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "BATCH_FACTS", 100)
    told: list[tuple[int, int]] = []
    log = SmallLog.of(250)
    contents = log.contents(after=20)
    for member in bundle.members(log, contents, lambda done, total: told.append((done, total))):
        list(member.chunks)

    assert told == [(100, 230), (200, 230), (230, 230)]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"previous": (b"", Checkpoint(ORIGIN, 21, bytes(32)))}, "it is the newer one"),
        ({"after": 21}, "has no such position"),
        ({"proven": [0]}, "has no such position"),
        ({"proven": [21]}, "has no such position"),
    ],
)
def test_what_cannot_be_proven_is_said_before_anything_is_written(
    given: dict[str, Any], said: str
) -> None:
    log = SmallLog.of(20)
    with pytest.raises(InvalidProof, match=said):
        bundle.members(log, log.contents(**given))


# RO-Crate 1.1


def described(log: SmallLog, **given: Any) -> tuple[dict[str, Any], set[str]]:
    """(entities by @id, paths of the payload) of a bundle."""
    paths, crate = set(), b""
    for member in bundle.members(log, log.contents(**given)):
        content = b"".join(member.chunks)
        if member.path == CRATE:
            crate = content
        elif member.path.startswith("data/"):
            paths.add(member.path.removeprefix("data/"))
    found = orjson.loads(crate)
    assert found["@context"] == "https://w3id.org/ro/crate/1.1/context"
    return {entity["@id"]: entity for entity in found["@graph"]}, paths


GIVEN: dict[str, Any] = {
    "previous": (SmallLog.of(300).note(), SmallLog.of(300).checkpoint),
    "proven": [7],
    "files": [("reports/x@1/report.json", b"{}"), ("reports/x@1/definition.sql", b"")],
}


def test_the_description_has_every_file_or_its_folder() -> None:
    entities, paths = described(SmallLog.of(600), **GIVEN)
    parts = {part["@id"] for part in entities["./"]["hasPart"]}
    folders = tuple(part for part in parts if part.endswith("/"))

    assert {"checkpoint.prev", "consistency.txt", "tile/", "proofs/"} <= parts
    assert all(path in parts or path.startswith(folders) for path in paths)
    assert all(part in paths or any(p.startswith(part) for p in paths) for part in parts)
    assert {entities[part]["@type"] for part in folders} == {"Dataset"}
    assert {entities[part]["@type"] for part in parts - set(folders)} == {"File"}


def test_the_description_has_what_the_standard_demands_of_it() -> None:
    entities, _ = described(SmallLog([leaf(1, recorded_at="2026-11-22T10:00:00.000001Z")]))
    itself, root = entities["ro-crate-metadata.json"], entities["./"]

    assert itself["about"] == {"@id": "./"}
    assert itself["conformsTo"] == {"@id": "https://w3id.org/ro/crate/1.1"}
    assert root["@type"] == "Dataset"
    assert root["name"]
    assert root["description"]
    assert entities[root["license"]["@id"]]["name"]
    assert datetime.fromisoformat(root["datePublished"]).microsecond == 1


@pytest.mark.parametrize("given", [{"after": 20}, {}])
def test_without_facts_it_has_a_day_all_the_same(given: dict[str, int]) -> None:
    entities, _ = described(SmallLog.of(given.get("after", 0)), **given)

    assert date.fromisoformat(entities["./"]["datePublished"])
