"""Verifiers of others accept our logs at every size that is hard, and refuse them once changed."""

from __future__ import annotations

from pathlib import Path

import bagit
import pytest
from tlog_scales.backend import LocalBackend
from tlog_scales.reader import TilesReader

from ledger.transparency.note import signed
from tests.foreign.verifiers import VERIFIERS, Case, Refused, case
from tests.transparency.growing import Grown, numbered
from tests.transparency.small_log import SmallLog, key

SIZES = (0, 1, 2, 3, 255, 256, 257, 1_000, 65_535, 65_536, 65_537)
THERE = [name for name, verifier in VERIFIERS.items() if verifier.there]


@pytest.fixture(scope="module")
def grown() -> Grown:
    return Grown(numbered(max(SIZES)))


def test_at_least_two_foreign_verifiers_are_here() -> None:
    assert len(THERE) >= 2


# An empty log has no entry to check, and @sigstore/verify checks a note with an entry only.
CASES = [(n, size) for n in THERE for size in SIZES if size or n != "@sigstore/verify"]


@pytest.mark.parametrize(("name", "size"), CASES)
def test_a_foreign_verifier_accepts_the_log(grown: Grown, name: str, size: int) -> None:
    print(name, VERIFIERS[name].ask(case(grown, size)))


def changed(shown: Case, what: str) -> Case:
    """The case with one thing that is not true."""
    other = shown.checkpoint._replace(root=bytes(32))
    first, growth = shown.inclusions[0], shown.growths[-2]
    match what:
        case "signature":
            return shown._replace(note=signed(shown.checkpoint.text, [key(7)]).encode())
        case "root":
            return shown._replace(note=signed(other.text, [key()]).encode())
        case "leaf":
            return shown._replace(inclusions=[first._replace(leaf=b"other")])
        case "index":
            return shown._replace(inclusions=[first._replace(index=first.index + 1)])
        case "proof":
            return shown._replace(inclusions=[first._replace(hashes=first.hashes[:-1])])
        case _:
            old = growth.old._replace(root=bytes(32))
            return shown._replace(growths=[growth._replace(old=old)])


@pytest.mark.parametrize("name", THERE)
@pytest.mark.parametrize("what", ["signature", "root", "leaf", "index", "proof", "growth"])
def test_a_foreign_verifier_refuses_what_was_changed(grown: Grown, name: str, what: str) -> None:
    """The control: they look at what they are shown."""
    if what == "growth" and "g" not in VERIFIERS[name].checks:
        what = "leaf"
    with pytest.raises(Refused):
        VERIFIERS[name].ask(changed(case(grown, 257), what))


def test_the_library_of_congress_tool_accepts_the_bag(tmp_path: Path) -> None:
    folder = SmallLog.of(600).folder(tmp_path / "bundle")

    assert bagit.Bag(str(folder)).validate()


def test_it_refuses_a_changed_bag(tmp_path: Path) -> None:
    folder = SmallLog.of(600).folder(tmp_path / "bundle")
    (folder / "data/checkpoint").write_text("changed")

    with pytest.raises(bagit.BagValidationError):
        bagit.Bag(str(folder)).validate()


def test_a_foreign_reader_makes_proofs_from_the_tiles_of_a_bundle(tmp_path: Path) -> None:
    log = SmallLog.of(600)
    reader = TilesReader(LocalBackend(log.folder(tmp_path / "bundle") / "data"))
    checkpoint = reader.get_checkpoint()

    assert reader.calculate_root_hash() == checkpoint.root_hash == log.checkpoint.root
