"""The reference in docs/ is what the program says of itself."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from api.metrics import METRICS
from api.problems import all_codes
from api.reference import reference
from api.settings import Settings
from projections.figures.refusals import FigureRefusal
from projections.reports import refusals

ROOT = Path(__file__).resolve().parents[2]


def test_the_reference_is_up_to_date() -> None:
    written = (ROOT / "docs" / "reference.md").read_text("utf-8")
    assert written == reference(), "python -m api.reference > docs/reference.md"


def test_the_command_writes_it() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "api.reference"], cwd=ROOT, capture_output=True, check=True
    )
    assert done.stdout.decode() == reference()


def test_every_setting_metric_and_code_is_in_it() -> None:
    text = reference()
    for field in msgspec.structs.fields(Settings):
        assert f"`CLUSTERLEDGER_{field.name.upper()}`" in text
    for name in METRICS:
        assert f"`clusterledger_{name}`" in text
    for code in all_codes():
        assert f"| `{code}` |" in text


def test_every_refusal_of_a_figure_or_a_report_has_a_status_and_a_title() -> None:
    kinds = set(_kinds(FigureRefusal))
    assert refusals.ImportOpen in kinds
    assert {kind.code for kind in kinds} <= set(all_codes())


def _kinds(of: type[FigureRefusal]) -> Iterator[type[FigureRefusal]]:
    for kind in of.__subclasses__():
        yield kind
        yield from _kinds(kind)
