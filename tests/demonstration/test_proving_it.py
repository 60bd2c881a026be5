"""The README's "Prove it", as written: the demonstration, a bundle of it, and one byte changed."""

from __future__ import annotations

import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
COMMAND = ".venv/bin/clusterledger"
OURS = [sys.executable, "-m", "api.cli.main"]
WAIT_S = 60


def block() -> list[str]:
    """The commands under the heading, one a line."""
    section = (ROOT / "README.md").read_text().partition("## Prove it")[2]
    lines = section.split("```")[1].strip().splitlines()
    assert len(lines) == 5
    return lines


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """What a small demonstration prints until it serves, and has signed a checkpoint."""
    folder = tmp_path_factory.mktemp("demonstration")
    given = ["--scale", "0.005", "--port", "0", "--data-dir", str(folder / "it's here")]
    with subprocess.Popen([*OURS, "demo", *given], stdout=subprocess.PIPE, text=True) as served:
        assert served.stdout is not None
        try:
            told = ""
            while "clusterledger: http" not in told:
                line = served.stdout.readline()
                assert line, told
                told += line
            wait_for_a_checkpoint(re.findall(r"clusterledger: (http://[0-9.:]+)/", told)[0])
            yield told
        finally:
            served.terminate()


def wait_for_a_checkpoint(address: str) -> None:
    ends = time.monotonic() + WAIT_S
    while True:
        try:
            with urllib.request.urlopen(f"{address}/checkpoint"):
                return
        except urllib.error.HTTPError:
            assert time.monotonic() < ends
            time.sleep(0.1)


def test_the_commands_of_the_readme_prove_it_and_find_a_changed_byte(
    said: str, tmp_path: Path
) -> None:
    directory = re.findall(r"^demo: for the other commands: (DIR=.*)$", said, re.MULTILINE)[0]
    answers = [run(directory, line, tmp_path) for line in block()]
    valid, changed = answers[2], answers[4]

    assert [answer.returncode for answer in answers] == [0, 0, 0, 0, 1], answers
    assert valid.stdout.splitlines()[-1].startswith("VALID for facts 1-")
    assert changed.stdout.splitlines()[-1].startswith("NOT VALID. Step 3, hashes: position 42: ")


def run(directory: str, line: str, where: Path) -> subprocess.CompletedProcess[str]:
    script = f"{directory}; {line.replace(COMMAND, ' '.join(OURS))}"
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin"}
    return subprocess.run(
        ["sh", "-c", script],
        cwd=where,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
