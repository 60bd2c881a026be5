"""The verifier is a handful of files: copied away from the service, they verify on their own."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import ledger
from tests.tamper.kit import VKEY

ALONE = [
    "agreeing",
    "bag",
    "checkpoint",
    "contents",
    "definitions",
    "hashes",
    "keys",
    "leaves",
    "merkle",
    "note",
    "outcome",
    "proof",
    "spill",
    "tiles",
    "verifier",
    "verify",
]


def test_a_copy_of_the_named_files_verifies_a_bundle(folder: Path, tmp_path: Path) -> None:
    there = tmp_path / "alone" / "ledger" / "transparency"
    there.mkdir(parents=True)
    for name in ("__init__", *ALONE):
        shutil.copy(Path(ledger.__path__[0]) / "transparency" / f"{name}.py", there)
    (there.parent / "__init__.py").touch()
    said = subprocess.run(
        [sys.executable, "-m", "ledger.transparency.verify", str(folder), "--key", VKEY],
        cwd=tmp_path / "alone",
        env={"PYTHONPATH": str(tmp_path / "alone")},
        capture_output=True,
        text=True,
        check=False,
    )

    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.splitlines()[-1] == (
        "VALID for facts 1-600 of 600; NOT shown: step 4 (consistency), step 6 (figures)."
    )
