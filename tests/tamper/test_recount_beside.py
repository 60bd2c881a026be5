"""Step 6 in a process of its own: it says what it did, hides nothing, and leaves nothing behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import orjson
import psycopg
import pytest

from api.cli.recounting import Beside, NotRecounted, verify_bundle
from ledger.store.processes import wait_until
from ledger.transparency.bag import FACTS, opened
from ledger.transparency.leaves import Broken, Published
from ledger.transparency.outcome import Steps
from ledger.transparency.verifier import Verifier
from tests.tamper.kit import reseal
from tests.tamper.stored import copied, fill, note, problems
from tests.tamper.test_export_and_verify import VKEY, run


@pytest.fixture(scope="module")
def exported(
    server: psycopg.Connection,
    server_url: str,
    template: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The bundle of a ledger with a filed report, which its read models do not know yet."""
    folder = tmp_path_factory.mktemp("exported")
    with copied(server, server_url, template) as url:
        fill(url, 200)
        where = ("--database-url", url)
        filed = run("report", "file", "cumulative_headline", "--to", "2025-12-31", *where)
        assert filed.exit_code == 0, filed.output
        (folder / "checkpoint").write_bytes(note(url))
        asked = ("--output", folder / "bundle", "--upto", folder / "checkpoint", *where)
        made = run("export", *asked, "--json")
        assert made.exit_code == 0, made.output
        told = orjson.loads(made.stdout)
        assert (told["reports"], told["reports_upto"]) == ([], told["facts"] - 1)
    return folder / "bundle"


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Where temporary files go. Afterwards none is left."""
    (folder := tmp_path / "scratch").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def begun(exported: Path) -> Iterator[tuple[Beside, list[Published]]]:
    """A recount at work, and what is going to be asked of it."""
    with opened(exported) as bag, Beside(exported, quiet=True) as recount:
        verifier = Verifier(bag, Steps(lambda _: None), [VKEY], None)
        verifier.run()
        recount.begin(verifier)
        yield recount, verifier.published
    assert recount._process is not None
    assert recount._process.returncode is not None


def changed(folder: Path, bundle: Path, old: bytes, new: bytes) -> Path:
    """A copy whose facts are changed and whose manifest is made anew: only the root tells."""
    with opened(bundle) as bag:
        for path in bag.sizes:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(bag.small(path))
    raw = (folder / FACTS).read_bytes()
    assert old in raw
    (folder / FACTS).write_bytes(raw.replace(old, new, 1))
    reseal(folder)
    return folder


def test_step_6_says_how_much_was_counted_and_how_fast(exported: Path) -> None:
    steps = verify_bundle(exported, [VKEY], None, lambda _: None)

    assert steps.valid
    assert steps.scope is not None
    assert f"from {steps.scope.size} facts, loaded in " in steps.taken[5].said


def test_the_bar_of_step_6_ends_full(exported: Path, capsys: pytest.CaptureFixture[str]) -> None:
    steps = verify_bundle(exported, [VKEY], None, lambda _: None, quiet=False)

    assert steps.scope is not None
    assert f"{steps.scope.size}/{steps.scope.size}" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("old", "new", "position"),
    [
        (b'"position":42,', b'"position":43,', 42),
        (b'"position":42,', b'"position":42;', 42),
        (b'"v":1', b'"v":1' + b" " * 70_000, 1),
        (b'"position":42,', b'"position":42,\n', 42),
    ],
)
def test_facts_that_cannot_be_recounted_are_named_by_the_steps_before(
    exported: Path, tmp_path: Path, old: bytes, new: bytes, position: int
) -> None:
    bundle = changed(tmp_path / "changed", exported, old, new)
    steps = verify_bundle(bundle, [VKEY], None, lambda _: None)

    assert f"position {position}: " in steps.verdict
    assert "6: Cannot be checked: step 3 failed." in problems(steps)


def test_what_it_imports_is_needed_there() -> None:
    """Every driver, server and terminal would be memory beside the other steps'."""
    asking = "import sys, projections.reports.apart; print(*sys.modules)"
    said = subprocess.run(
        [sys.executable, "-c", asking], capture_output=True, text=True, check=True
    )
    imported = set(said.stdout.split())

    assert "duckdb" in imported
    assert not imported & {"aiohttp", "asyncio", "cryptography", "psycopg", "rich", "typer"}


@pytest.mark.parametrize(("given", "taken"), [(None, b"131072"), ("65536", b"65536")])
def test_it_returns_large_blocks_to_the_system_or_as_it_is_told(
    exported: Path, monkeypatch: pytest.MonkeyPatch, given: str | None, taken: bytes
) -> None:
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    if given is not None:
        monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", given)
    with Beside(exported, quiet=True) as recount:
        assert recount._process is not None
        environment = Path(f"/proc/{recount._process.pid}/environ")
        assert wait_until(lambda: bool(environment.read_bytes()), 10.0)  # empty while it begins
        assert b"MALLOC_MMAP_THRESHOLD_=" + taken in environment.read_bytes().split(b"\0")


def test_a_process_that_was_killed_is_a_sentence(
    begun: tuple[Beside, list[Published]],
) -> None:
    recount, published = begun
    assert recount._process is not None
    recount._process.kill()
    with pytest.raises(NotRecounted, match="the process ended with code -9"):
        recount._answer(published, 200)


def test_it_ends_with_whoever_asked(exported: Path) -> None:
    """Killed at once, with no chance to end it."""
    asking = f"""
import os, signal
from pathlib import Path
from api.cli.recounting import Beside
with Beside(Path("{exported}"), quiet=True) as recount:
    print(recount._process.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""
    said = subprocess.run([sys.executable, "-c", asking], capture_output=True, check=False)
    assert said.returncode == -signal.SIGKILL
    assert wait_until(lambda: not Path(f"/proc/{int(said.stdout)}").exists(), 10.0)


def test_what_it_cannot_read_is_told_at_the_report_that_was_asked_for(exported: Path) -> None:
    """A bundle that was changed after the other steps had read it."""
    with opened(exported) as bag:
        verifier = Verifier(bag, Steps(lambda _: None), [VKEY], None)
        verifier.run()
    (other := exported.parent / "other").mkdir()
    bundle = changed(other, exported, b'"position":42,', b'"position":43,')
    with Beside(bundle, quiet=True) as recount:
        recount.begin(verifier)
        with pytest.raises(Broken, match=r"position 43 follows on 41") as found:
            recount._answer(verifier.published, 200)
    assert found.value.position == verifier.published[0].position


def test_a_bundle_that_is_gone_is_a_sentence(exported: Path, tmp_path: Path) -> None:
    with opened(exported) as bag:
        verifier = Verifier(bag, Steps(lambda _: None), [VKEY], None)
        verifier.run()
    with Beside(tmp_path / "gone", quiet=True) as recount:
        recount.begin(verifier)
        with pytest.raises(NotRecounted, match="There is no "):
            recount._answer(verifier.published, 200)


@pytest.mark.parametrize(
    ("keys", "begun_before"), [([VKEY], [0]), ([VKEY.replace("a", "b", 1)], []), ([], [])]
)
def test_it_begins_before_step_1_where_the_checkpoint_is_signed_and_else_not_at_all(
    exported: Path, keys: list[str], begun_before: list[int]
) -> None:
    """Without a key, or with a wrong one, nothing is read by another process."""
    taken_before: list[int] = []

    class Noted(Beside):
        def begin(self, verifier: Verifier) -> None:
            taken_before.append(len(verifier.steps.taken))
            super().begin(verifier)

    with opened(exported) as bag, Noted(exported, quiet=True) as recount:
        Verifier(bag, Steps(lambda _: None), keys, None).run(recount)
    assert taken_before == begun_before


def test_json_brings_no_control_character_to_the_screen(exported: Path, tmp_path: Path) -> None:
    """C1 controls are no controls to JSON: U+009B begins an escape sequence all the same."""
    evil = '"\u009b2J\u202eVALID":1,"v":1'.encode()
    bundle = changed(tmp_path / "evil", exported, b'"v":1', evil)
    found = run("verify", bundle, "--key", VKEY, "--json")

    assert found.exit_code == 1
    assert found.stdout.rstrip("\n").isprintable()
    assert "\u009b" in orjson.loads(found.stdout)["steps"][4]["problem"]
