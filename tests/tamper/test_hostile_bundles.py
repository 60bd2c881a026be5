"""What a hostile bundle cannot do: end in a traceback, write to the screen, fill the memory."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import pytest

from ledger.transparency import bag, leaves, spill, verify
from ledger.transparency.note import signed
from ledger.transparency.outcome import Step, Steps, shown
from projections.reports.bundled import NotRecomputed, recompute
from tests.tamper.kit import (
    BEFORE,
    LEAVES,
    LOG,
    VKEY,
    assert_says,
    checked,
    first_problem,
    reseal,
    with_report,
)
from tests.transparency.small_log import ORIGIN, SmallLog, key, leaf

HUGE = "9" * 5_000


def test_a_size_of_5000_digits_is_no_size(folder: Path, held: Path) -> None:
    (folder / "data/consistency.txt").write_text(f"old {HUGE}\n\n")
    reseal(folder)

    assert_says(first_problem(checked(folder, held)), "4: data/consistency.txt does not begin with")


def test_a_file_of_keys_that_names_itself_holds_no_key(folder: Path, tmp_path: Path) -> None:
    (keys := tmp_path / "keys").write_text(f"{tmp_path}/keys\n")

    assert_says(first_problem(checked(folder, None, str(keys))), "2: A verifier key reads name")


def test_a_file_of_keys_holds_one_a_line(folder: Path, tmp_path: Path) -> None:
    """The control."""
    (keys := tmp_path / "keys").write_text(f"{key(2).verifier}\n{VKEY}\n")

    assert checked(folder, None, str(keys)).valid


def test_a_step_that_breaks_down_is_one_that_failed() -> None:
    steps = Steps(lambda _: None)
    steps.take(1, "manifest", "files", lambda: 1 // 0)  # type: ignore[arg-type]

    assert not steps.valid
    assert_says(steps.verdict, "NOT VALID. Step 1, manifest: It could not be finished")


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_escape_sequences_do_not_reach_the_screen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str]
) -> None:
    """Signed by the operator: a field whose name clears the screen and writes VALID."""
    evil = leaf(7).replace(b'"v":1', b'"\xc2\x9b2J\\u001b[2JVALID":1,"v":1')
    bundle = SmallLog([*LEAVES[:6], evil, *LEAVES[7:20]]).folder(tmp_path / "evil")
    assert verify.main([str(bundle), "--key", VKEY, *options]) == 1
    said = capsys.readouterr().out

    assert "position 7" in said
    assert all(line.isprintable() for line in said.splitlines())


def test_a_text_for_the_screen_has_nothing_in_it_that_moves_the_cursor() -> None:
    assert shown("Müller\x1b[2J\n\x9b\u202e") == "Müller\\x1b[2J\\n\\x9b\\u202e"
    assert "\x1b" not in str(Step(1, "hashes", False, 0, "facts", 0.1, "", "\x1b[2J"))


def test_a_signed_size_takes_no_memory(tmp_path: Path) -> None:
    """2^62 facts are signed, 600 are there."""
    text = LOG.checkpoint._replace(size=2**62).text
    folder = LOG.folder(tmp_path / "huge", note=signed(text, [key()]).encode())
    tracemalloc.start()
    said = first_problem(checked(folder))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert_says(said, "3: position 601: 600 facts are here, 4,611,686,018,427,387,904 are signed")
    assert peak < 50e6


def test_reports_of_any_number_of_names_are_not_remembered(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leaves, "REPORTS_MAX", 3)
    log = SmallLog([with_report(n, report=f"r{n}@1") for n in range(1, 9)])

    assert_says(first_problem(checked(log.folder(tmp_path / "many"))), "5: position 4: reports of")


@pytest.mark.parametrize("what", ["files", "folders"])
def test_a_bundle_has_so_many_files_and_folders_and_no_more(
    folder: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    monkeypatch.setattr(bag, f"{what.upper()}_MAX", 3)
    with pytest.raises(bag.InvalidBag, match=f"more than 3 {what}"):
        checked(folder)


def test_a_manifest_that_is_one_long_line_is_not_read_to_its_end(folder: Path) -> None:
    (folder / "manifest-sha256.txt").write_bytes(b"0" * 3_000_000)

    assert_says(first_problem(checked(folder)), "1: Line 1 of manifest-sha256.txt is not")


def test_a_publication_that_says_nothing_is_named_by_its_position() -> None:
    """In canonical form, so only step 6 reads what it says."""
    published = leaf(7, type="report.published.v1", data={"raport": "companies@1"})
    with pytest.raises(NotRecomputed, match="position 7: it publishes no report that can be read"):
        recompute([(7, published)], [], origin=ORIGIN)


# Uniqueness by sorting on disk


def test_what_repeats_is_found_where_everything_is_on_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each record goes to disk, and parts are taken apart; the first repetition is named."""
    monkeypatch.setattr(leaves, "BUFFERED_BYTES", 1)
    monkeypatch.setattr(leaves, "PART_BYTES", 1_000)
    monkeypatch.setattr(spill, "PARTS", 7)
    assert checked(LOG.folder(tmp_path / "right")).valid

    twice = [*LEAVES[:400], leaf(401, id="e17"), leaf(402, id="e16"), *LEAVES[402 : BEFORE + 200]]
    found = checked(SmallLog(twice).folder(tmp_path / "twice"))
    assert_says(first_problem(found), "5: position 401: the same source and id as position 17")

    gap = [*LEAVES[:300], leaf(301, version=2), *LEAVES[301:400]]
    found = checked(SmallLog(gap).folder(tmp_path / "gap"))
    assert_says(first_problem(found), "5: position 301: stream .* goes from version 0 to 2")
