"""Every change to an audit bundle is found by verify, and named by step and position.

The one who changes it can write anything anew, manifest and tiles too, but does not have the key.
"""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import pytest

from ledger.transparency.bag import MANIFEST
from ledger.transparency.note import signed
from tests.tamper.kit import BEFORE, GIVEN, LEAVES, LOG, assert_says, checked, first_problem, reseal
from tests.transparency.small_log import SmallLog, key, leaf

# Changed files, with a manifest that fits


def lines(change: Callable[[list[bytes]], object]) -> Callable[[Path], None]:
    """Changes the lines of the facts."""

    def apply(folder: Path) -> None:
        path = folder / "data/facts.ndjson"
        found = path.read_bytes().splitlines(keepends=True)
        change(found)
        path.write_bytes(b"".join(found))

    return apply


def line(position: int, old: bytes, new: bytes) -> Callable[[Path], None]:
    """Changes one line."""

    def change(found: list[bytes]) -> None:
        assert old in found[position - 1]
        found[position - 1] = found[position - 1].replace(old, new, 1)

    return lines(change)


def swap(found: list[bytes]) -> None:
    found[9], found[19] = found[19], found[9]


def file(path: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    """Changes the content of a file."""

    def apply(folder: Path) -> None:
        there = folder / "data" / path
        there.write_bytes(change(there.read_bytes()))

    return apply


def flip(at: int) -> Callable[[bytes], bytes]:
    return lambda raw: raw[:at] + bytes([raw[at] ^ 1]) + raw[at + 1 :]


def note(text: str, *names: str) -> Callable[[Path], None]:
    """Another checkpoint, signed with a key the auditor does not know, or with none."""

    def change(_: bytes) -> bytes:
        return signed(text, [key(7, name) for name in names or (key().verifier.name,)]).encode()

    return file("checkpoint", change)


def text(old: bytes, new: bytes) -> Callable[[Path], None]:
    """Changes the checkpoint's bytes and leaves the signature."""

    def change(raw: bytes) -> bytes:
        assert old in raw
        return raw.replace(old, new, 1)

    return file("checkpoint", change)


def remove(path: str) -> Callable[[Path], None]:
    return lambda folder: (folder / "data" / path).unlink()


def add(path: str, content: bytes = b"x") -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        (folder / "data" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "data" / path).write_bytes(content)

    return apply


def rewritten(position: int, made: bytes) -> Callable[[Path], None]:
    """A history with one other fact: facts, tiles, proofs and manifest agree with each other."""

    def apply(folder: Path) -> None:
        shutil.rmtree(folder)
        other = SmallLog([*LEAVES[: position - 1], made, *LEAVES[position:]])
        kept = {"note": LOG.note(), "checkpoint": LOG.checkpoint}
        other.folder(folder, **{**kept, **GIVEN})

    return apply


LATER = leaf(5, recorded_at="2027-01-01T00:00:00.000000Z")
COMPANIES = "reports/companies@1"
ROOT = b64encode(LOG.checkpoint.root)
ORIGIN = LOG.checkpoint.origin.encode()
BODY = LOG.checkpoint.text

CHANGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a byte of a fact": (line(5, b"er 5", b"er 6"), r"3: position 5: tile/0/000 "),
    "a fact rewritten with its tiles": (rewritten(5, leaf(5, actor="key:other")), "3: .*signed is"),
    "a fact made later": (rewritten(5, LATER), "3: The facts lead to the root "),
    "a space in a fact": (line(9, b'"data":', b'"data": '), "3: position 9: "),
    "two rows swapped": (lines(swap), "3: position 10: "),
    "rows of two tiles swapped": (lines(list.reverse), "3: position 1: "),
    "a row deleted in the middle": (lines(lambda found: found.pop(99)), "3: position 100: .*599 f"),
    "the first row deleted": (lines(lambda found: found.pop(0)), "3: position 1: .* 599 facts"),
    "the tail cut": (lines(lambda found: found.pop()), "3: position 600: 599 facts are here, 600"),
    "half the rows cut": (lines(lambda found: found.__delitem__(slice(256, None))), "257: 256 "),
    "all rows deleted": (lines(list.clear), "3: position 301: facts 301 to 600 of 600 are not h"),
    "a row inserted": (lines(lambda found: found.insert(99, found[99])), "3: position 101: .*601 "),
    "a row appended": (lines(lambda found: found.append(leaf(601) + b"\n")), "3: position 601: "),
    "the file cut within a row": (file("facts.ndjson", lambda raw: raw[:-9]), "3: position 600: "),
    "a row without end": (add("facts.ndjson", b"x" * 3_000_000), "3: position 1: "),
    "lines that end in CRLF": (file("facts.ndjson", lambda r: r.replace(b"\n", b"\r\n")), "n 1: "),
    "the facts removed": (remove("facts.ndjson"), "3: The bundle has no data/facts.ndjson"),
    "a tile": (file("tile/0/001", flip(40)), r"3: position 258: tile/0/001 .*the tile is wrong"),
    "an upper tile": (file("tile/1/000.p/2", flip(33)), r"3: position 257: tile/1/000.p/2 "),
    "a tile cut": (file("tile/0/001", lambda raw: raw[:-32]), "3: position 512: tile/0/001 "),
    "a tile removed": (remove("tile/0/000"), "3: position 1: tile/0/000 is missing"),
    "a tile besides": (add("tile/0/007"), "3: data/tile/0/007 is no tile of these facts"),
    "a tile's path with zeros": (add("tile/0/x000/001"), "1: 'tile/0/x000/001' is no path"),
    "a checkpoint of another key": (note(BODY), "2: data/checkpoint: None of the given keys"),
    "a checkpoint of another name": (note(BODY, "other.example"), "2: .*signed by other.example"),
    "a checkpoint of another origin": (
        note(BODY.replace("test", "tost")),
        "2: .*None of the given",
    ),
    "the checkpoint's size": (
        text(b"\n600\n", b"\n601\n"),
        "2: data/checkpoint: The signature .* not",
    ),
    "the checkpoint's root": (
        text(ROOT, b64encode(bytes(32))),
        "2: data/checkpoint: The signature ",
    ),
    "the checkpoint's origin": (text(ORIGIN, b"tost.example/2026"), "2: data/checkpoint: The s"),
    "the signature": (
        file("checkpoint", lambda raw: raw[:-9] + b"AAAA" + raw[-5:]),
        "2: data/checkpoint: The signature of ",
    ),
    "no signature": (
        file("checkpoint", lambda raw: raw.partition(b"\n\n")[0] + b"\n\n"),
        "2: data/checkpoint: A note is a text, an empty line, and whole signature lines",
    ),
    "a signature twice": (
        file("checkpoint", lambda raw: raw + raw.partition(b"\n\n")[2]),
        "2: data/checkpoint: Two signatures name the same key",
    ),
    "a checkpoint in CRLF": (
        file("checkpoint", lambda r: r.replace(b"\n", b"\r\n")),
        "2: data/checkpoint: The note",
    ),
    "bytes after the checkpoint": (file("checkpoint", lambda raw: raw + b"x"), "2: .*: A note is"),
    "a checkpoint that is empty": (file("checkpoint", lambda _: b""), "2: .*: A note is a text"),
    "a checkpoint that is not UTF-8": (file("checkpoint", lambda r: b"\xff" + r), "2: .* UTF-8"),
    "an older checkpoint played back": (
        file("checkpoint", lambda _: LOG.note(BEFORE)),
        "3: position 301: 600 facts are here, 300 are signed",
    ),
    "the earlier checkpoint": (
        file("checkpoint.prev", flip(30)),
        "2: data/checkpoint.prev: The signature of .* is not of this text",
    ),
    "the earlier checkpoint removed": (remove("checkpoint.prev"), "2: .* no data/checkpoint.prev"),
    "the consistency proof": (
        file("consistency.txt", lambda r: r.replace(b"old 300", b"old 299")),
        "4: data/consistency.txt is of the growth from 299 facts, not from 300",
    ),
    "a hash of the consistency proof": (
        file("consistency.txt", lambda r: r[:8] + b64encode(bytes(32)) + r[52:]),
        "4: data/consistency.txt: The first 300 leaves are not those",
    ),
    "a fact's proof": (
        file("proofs/500.tlog-proof", lambda r: r.replace(b"index 499", b"index 498")),
        "7: data/proofs/500.tlog-proof: It is of position 499",
    ),
    "a proof beyond the facts": (
        file("proofs/500.tlog-proof", lambda r: r.replace(b"index 499", b"index 700")),
        "7: data/proofs/500.tlog-proof: It is of position 701",
    ),
    "a fact's proof removed": (remove("proofs/500.tlog-proof"), "7: .*the proof of position 500"),
    "a proof that is none": (
        file("proofs/500.tlog-proof", lambda _: b"hello\n"),
        "7: .*500.*: This is ",
    ),
    "a report": (
        file("reports/companies@1/report.json", lambda r: r + b" "),
        "7: data/reports/comp",
    ),
    "a report that was never published": (add("reports/other@1/report.json"), "7: .*other@1"),
    "a definition's SQL": (
        file(f"{COMPANIES}/definition.sql", lambda raw: raw.replace(b"count(*)", b"count(1)")),
        f"7: data/{COMPANIES}: definition.toml and .* do not hold the definition companies@1",
    ),
    "a definition's meaning": (
        file(f"{COMPANIES}/definition.toml", lambda raw: raw.replace(b'companies"', b'x"')),
        f"7: data/{COMPANIES}: definition.toml and .* do not hold the definition companies@1",
    ),
    "words under the definitions": (
        file(f"{COMPANIES}/definition.sql", lambda raw: raw + b"-- as agreed\n"),
        f"7: data/{COMPANIES}: definition",
    ),
    "a definition besides": (
        file(f"{COMPANIES}/definition.sql", lambda r: r + b"-- x@1, sha256 %064d\nSELECT 1\n" % 0),
        f"7: data/{COMPANIES}/definition.sql holds more than the report's definitions",
    ),
    "a definition removed": (
        remove(f"{COMPANIES}/definition.toml"),
        f"7: The bundle has no data/{COMPANIES}/definition.toml",
    ),
    "the description": (
        file("ro-crate-metadata.json", lambda raw: raw.replace(b"test.example", b"tost.example")),
        "7: data/ro-crate-metadata.json does not describe this bundle",
    ),
    "the description removed": (
        remove("ro-crate-metadata.json"),
        "7: The bundle has no data/ro-crate-metadata.json",
    ),
    "a file besides": (add("readme.txt"), "1: data/readme.txt is no file of an audit bundle"),
    "an entry bundle besides": (add("tile/entries/000"), "1: data/tile/entries/000 is no file"),
    "a file besides a report": (add(f"{COMPANIES}/note.txt"), "1: data/.*/note.txt is no file"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_bundle_is_found_and_the_place_is_named(
    folder: Path, held: Path, name: str
) -> None:
    change, where = CHANGES[name]
    change(folder)
    reseal(folder)
    found = checked(folder, held)

    assert not found.valid
    assert_says(first_problem(found), where)


@pytest.mark.parametrize("name", CHANGES)
def test_the_manifest_alone_finds_it_where_it_was_not_written_anew(
    whole: Path, folder: Path, name: str
) -> None:
    CHANGES[name][0](folder)
    shutil.copy(whole / MANIFEST, folder / MANIFEST)

    assert first_problem(checked(folder)).startswith(("1: data/", "1: The bundle has no data/"))


@pytest.mark.parametrize(
    ("name", "where"),
    [
        ("a byte of a fact", "Step 3, hashes: position 5: "),
        ("a fact made later", "Step 5, order: position 6: .* before its predecessor"),
        ("a row deleted in the middle", "Step 3, hashes: position 100: "),
        ("a row inserted", "Step 3, hashes: position 101: "),
        ("a proof that is none", "Step 7, reports: data/proofs/500"),
    ],
)
def test_the_verdict_names_the_first_place(folder: Path, held: Path, name: str, where: str) -> None:
    CHANGES[name][0](folder)
    reseal(folder)

    assert_says(checked(folder, held).verdict, f"NOT VALID. {where}")


def test_a_step_that_failed_says_how_far_it_came(folder: Path) -> None:
    line(50, b"er 50", b"er 51")(folder)
    lines(lambda found: found.insert(450, b"hello\n"))(folder)
    reseal(folder)
    steps = {step.number: step for step in checked(folder).taken}

    assert (steps[3].ok, steps[3].checked) == (False, 601)
    assert (steps[5].ok, steps[5].checked, steps[5].position) == (False, 450, 451)


def test_the_untouched_bundle_is_valid(folder: Path, held: Path) -> None:
    """The control: each change above is what makes it invalid."""
    reseal(folder)

    assert checked(folder, held).valid


# Written by someone who has the key


@pytest.mark.parametrize(
    ("position", "made", "where"),
    [
        (7, leaf(8), "5: position 7: here stands the fact of position 8"),
        (7, leaf(7, id="e6"), "5: position 7: the same source and id as position 6"),
        (7, leaf(7, version=4), "5: position 7: stream .* from version 0 to 4"),
        (8, leaf(8, version=1), "5: position 8: stream .* from version 1 to 1"),
        (7, leaf(7, recorded_at="2026-11-22T09:00:00.000000Z"), "5: position 7: .* before"),
        (7, leaf(7, recorded_at="2026-11-22 10:00:00"), "5: position 7: .* no instant"),
        (7, leaf(7, recorded_at="2026-19-39T29:00:00.000000Z"), "5: position 7: .* no instant"),
        (7, leaf(7, recorded_at="2026-02-30T10:00:00.000000Z"), "5: position 7: .* no instant"),
        (7, leaf(7, recorded_at="2026-11-22T24:00:00.000000Z"), "5: position 7: .* no instant"),
        (7, leaf(7, data={"name": 1.5}), "5: position 7: .* 1.5"),
        (7, leaf(7, data={"name": 2**53}), "5: position 7: .*53"),
        (7, leaf(7, data={"name": "Mu\u0308ller"}), "5: position 7: .* NFC"),
        (7, leaf(7, data={"name": "\x00"}), "5: position 7: .* U.0000"),
        (7, leaf(7, data={"größe": 1}), "5: position 7: .* ASCII"),
        (7, leaf(7, more=1), "5: position 7: .* unknown field `more`"),
        (7, leaf(7, v=2), "5: position 7: "),
        (7, leaf(7).replace(b'"v":1', b'"v":1 '), "5: position 7: .* canonical"),
        (7, leaf(7).replace(b"{", b'{"actor":"twice",', 1), "5: position 7: .* canonical"),
        (7, b"hello", "5: position 7: .* cannot be read"),
        (7, b'{"data":' * 5_000, "5: position 7: "),
        (7, leaf(7, data={"name": "x" * 65_535}), "5: position 7: .* at most 65,535"),
    ],
)
def test_what_the_operator_signed_though_it_breaks_the_rules_is_found(
    tmp_path: Path, position: int, made: bytes, where: str
) -> None:
    """The hashes are right, so only the order and form of the facts tell."""
    wrong = SmallLog([*LEAVES[: position - 1], made, *LEAVES[position:20]])

    assert_says(first_problem(checked(wrong.folder(tmp_path / "wrong"))), where)


def test_a_history_written_anew_by_the_operator_is_found_by_who_held_a_checkpoint(
    tmp_path: Path, held: Path
) -> None:
    """Restored from an older backup, other facts, signed with the true key."""
    fork = SmallLog([*LEAVES[:250], *(leaf(n, actor="key:fork") for n in range(251, 701))])
    bundle = fork.folder(tmp_path / "fork")

    assert checked(bundle).valid  # alone it cannot be told from the truth
    assert_says(first_problem(checked(bundle, held)), "4: The first 300 facts are not those")


def test_two_readers_who_were_shown_two_histories_find_out_by_comparing(tmp_path: Path) -> None:
    fork = SmallLog([*LEAVES[:-1], leaf(600, actor="key:fork")])
    held = tmp_path / "hers"
    held.write_bytes(LOG.note())

    assert_says(first_problem(checked(fork.folder(tmp_path / "his"), held)), "4: The first 600 ")


def test_a_log_shorter_than_the_checkpoint_that_was_held_is_found(tmp_path: Path) -> None:
    held = tmp_path / "held"
    held.write_bytes(LOG.note())
    cut = SmallLog(LEAVES[:400]).folder(tmp_path / "cut")

    assert_says(first_problem(checked(cut, held)), "4: .* has 600 facts, this bundle's 400")
