"""A part of the log is valid for what it holds, says so, and only where one was asked for.

Whoever removes the first facts of a whole bundle and adds the tree before them as hashes makes
what an honest range is, byte for byte. So a range must be what the auditor expects.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ledger.transparency import verify
from tests.tamper.kit import BEFORE, GIVEN, LOG, SIZE, VKEY, assert_says, checked, first_problem


@pytest.fixture
def part(tmp_path: Path) -> Path:
    """What is left of the bundle once its first facts were removed."""
    return LOG.folder(tmp_path / "part", after=BEFORE, **GIVEN)


def test_a_whole_bundle_without_its_first_facts_is_not_valid(part: Path) -> None:
    found = checked(part)

    assert not found.valid
    assert_says(found.verdict, "Step 3, hashes: position 1: facts 1 to 300 of 600 are not here")
    assert_says(found.verdict, "--checkpoint FILE.* --after 300")


def test_it_is_valid_for_who_asked_for_it_and_says_what_it_does_not_show(part: Path) -> None:
    verdict = checked(part, after=BEFORE).verdict

    assert verdict == (
        "VALID for facts 301-600 of 600; NOT shown: step 4 (consistency), step 6 (figures)."
    )


def test_it_is_valid_for_who_holds_the_checkpoint_it_follows_on(part: Path, held: Path) -> None:
    verdict = checked(part, held).verdict

    assert verdict == "VALID for facts 301-600 of 600; NOT shown: step 6 (figures)."


def test_a_checkpoint_from_before_leaves_facts_that_nobody_has(part: Path, tmp_path: Path) -> None:
    (older := tmp_path / "older").write_bytes(LOG.note(200))

    assert_says(first_problem(checked(part, older)), "3: position 201: facts 201 to 300 of 600")


def test_it_begins_where_it_was_asked_to(part: Path) -> None:
    assert_says(first_problem(checked(part, after=299)), "3: position 300: facts 300 to 300 of 600")


def test_a_whole_bundle_is_more_than_the_part_that_was_asked_for(folder: Path) -> None:
    assert checked(folder, after=BEFORE).verdict.startswith("VALID for facts 1-600 of 600;")


def test_a_part_without_facts_says_so(tmp_path: Path) -> None:
    none = LOG.folder(tmp_path / "none", after=SIZE)

    assert checked(none, after=SIZE).verdict.startswith("VALID for no facts of 600;")
    assert_says(first_problem(checked(none)), "3: position 1: facts 1 to 600 of 600 are not here")


def test_an_empty_log_is_valid_for_no_facts(tmp_path: Path) -> None:
    assert checked(type(LOG)([]).folder(tmp_path / "empty")).verdict.startswith("VALID for no fa")


def test_machines_are_told_the_part_and_what_is_not_shown(
    part: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = verify.main([str(part), "--key", VKEY, "--after", "300", "--json"])
    said = json.loads(capsys.readouterr().out)

    assert (code, said["valid"], said["not_shown"]) == (0, True, [4, 6])
    assert said["facts"] == {"after": 300, "size": 600}
