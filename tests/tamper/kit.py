"""A log with a published report, bundles of it, and what verify says of them."""

from __future__ import annotations

import re
from hashlib import sha256
from pathlib import Path

import orjson

from ledger.transparency import verify
from ledger.transparency.bag import MANIFEST
from ledger.transparency.definitions import definition_texts
from ledger.transparency.outcome import Steps
from tests.transparency.small_log import SmallLog, key, leaf

VKEY = str(key().verifier)
MEANT, COUNTED = 'id = "companies"\n', "SELECT count(*) FROM members\n"
DEFINED = sha256(f"{MEANT}\n{COUNTED}".encode()).hexdigest()
REPORT = orjson.dumps(
    {
        "report": "companies@1",
        "definitions": [{"definition": "companies@1", "sha256": DEFINED}],
        "tables": [],
    }
)
SIZE = 600
BEFORE = 300
"""The size at which the auditor had taken a checkpoint with her."""


def with_report(position: int, **changed: object) -> bytes:
    """A log's fact that publishes the report."""
    named = {"report": "companies@1", "sha256": sha256(REPORT).hexdigest(), **changed}
    return leaf(position, type="report.published.v1", data=named)


LEAVES = [leaf(n) for n in range(1, 500)] + [with_report(500)] + [leaf(n) for n in range(501, 601)]
LOG = SmallLog(LEAVES)
FILES = (
    ("reports/companies@1/report.json", REPORT),
    (
        "reports/companies@1/definition.sql",
        definition_texts("--", [("companies@1", DEFINED, COUNTED)]),
    ),
    (
        "reports/companies@1/definition.toml",
        definition_texts("#", [("companies@1", DEFINED, MEANT)]),
    ),
)
GIVEN = {"previous": (LOG.note(BEFORE), LOG.at(BEFORE)), "proven": [500], "files": FILES}


def checked(bundle: Path, held: Path | None = None, *keys: str, after: int | None = None) -> Steps:
    """The steps that verify takes."""
    told = verify.verified(bundle, keys or (VKEY,), held, lambda _: None, after=after)
    with told as verifier:
        return verifier.steps


def first_problem(steps: Steps) -> str:
    """The first step that failed, and what it says."""
    return next(f"{step.number}: {step.problem}" for step in steps.taken if step.ok is False)


def reseal(folder: Path) -> None:
    """A manifest of what is there now."""
    files = [path for path in (folder / "data").rglob("*") if path.is_file()]
    listed = {
        str(path.relative_to(folder)): sha256(path.read_bytes()).hexdigest() for path in files
    }
    (folder / MANIFEST).write_text("".join(f"{listed[name]}  {name}\n" for name in sorted(listed)))


def assert_says(said: str, wanted: str) -> None:
    assert re.search(wanted, said), said
