"""The architecture's one-way imports and the domain's purity, held by a test."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
IMPURE_CALLS = {"now", "utcnow", "today", "uuid1", "uuid4", "open", "print", "input", "getenv"}


def test_every_import_contract_holds() -> None:
    kept = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert kept.returncode == 0, kept.stdout + kept.stderr
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
    assert f"Contracts: {len(contracts['contracts'])} kept, 0 broken" in kept.stdout


@pytest.mark.parametrize(
    ("where", "line", "broken"),
    [
        ("projections", "import api", "imports run one way"),
        ("projections", "import asyncio", "no asyncio below api"),
        ("projections", "import eventsourcing.domain", "eventsourcing only inside"),
        ("projections/recount", "import ledger.domain", "the recount shares no code"),
    ],
)
def test_a_forbidden_import_is_found(tmp_path: Path, where: str, line: str, broken: str) -> None:
    """The control: in a copy with one wrong import the same contracts break."""
    rooms = ("projections/figures", "projections/models", "projections/recount")
    for package in ("api", "projections", "ledger/domain", "ledger/transparency", *rooms):
        (tmp_path / package).mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
    (tmp_path / "ledger" / "__init__.py").touch()
    for name in ("replay", "service", "store", "vault"):
        (tmp_path / "ledger" / f"{name}.py").touch()
    for name in ("merkle", "tiles", "note", "checkpoint", "proof", "verify", "bundle"):
        (tmp_path / "ledger" / "transparency" / f"{name}.py").touch()
    (tmp_path / where / "wrong.py").write_text(f"{line}\n")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    found = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1, found.stdout + found.stderr
    assert any(broken in text and "BROKEN" in text for text in found.stdout.splitlines())


def test_the_domain_asks_neither_clock_nor_chance() -> None:
    """Imports do not show `datetime.now()` or `uuid4()`: calls do."""
    found = []
    for path in sorted((ROOT / "ledger" / "domain").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                called = node.func
                name = getattr(called, "attr", getattr(called, "id", ""))
                if name in IMPURE_CALLS:
                    found.append(f"{path.relative_to(ROOT)}:{node.lineno} {name}()")
    assert found == []
