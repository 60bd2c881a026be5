"""The bench's names and shape: scripts and documents refer to them."""

import json
import subprocess
import sys
from pathlib import Path

from tests.bench.__main__ import AT_SCALE_10, FIGURES
from tests.bench.rows import BEGIN, END, row, table, write_into
from tests.bench.same_bytes import FORMS

ROOT = Path(__file__).parents[1]
NAMES = {
    "post_single",
    "post_batch",
    "bulk",
    "rebuild",
    "lag_loaded",
    "lag_idle",
    "two_processes",
    "get_headline",
    "get_known_at",
    "report_set",
    "figures_worst_s",
    "figures_by_worst_s",
    "recount_seconds",
    "tree_share",
    "proof_ms",
    "export",
    "verify",
    "verify_all_steps",
}


def bench(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tests.bench", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_every_promised_figure_can_be_measured_by_its_name() -> None:
    assert set(FIGURES) >= NAMES
    assert set(FIGURES) >= set(AT_SCALE_10)


def test_a_measured_figure_is_one_json_object_a_line_with_its_limit_beside_it() -> None:
    done = bench("--json", "--quick", "--only", "bulk")
    assert done.returncode == 0, done.stderr
    (line,) = done.stdout.splitlines()
    figure = json.loads(line)
    assert list(figure) == ["name", "value", "unit", "limit", "ratio"]
    assert figure["name"] == "bulk"
    assert figure["unit"] == "facts/s"
    assert figure["value"] > 0
    assert figure["limit"] > 0
    assert abs(figure["ratio"] - figure["value"] / figure["limit"]) < 0.01


def test_a_filed_report_has_the_same_bytes_after_further_facts_a_rebuild_and_a_restart() -> None:
    """The documented command, small."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.bench.same_bytes", "--scale", "0.01", "--facts", "100"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told, *forms = done.stdout.splitlines()
    assert "100 further facts, a rebuild, a restart" in told
    assert [form.split()[0] for form in forms] == list(FORMS)
    assert {form.split()[-1] for form in forms} == {"same"}


def test_an_unknown_figure_is_refused_with_the_names_there_are() -> None:
    done = bench("--only", "post_singel")
    assert done.returncode == 1
    assert "post_single" in done.stderr


def test_the_table_takes_the_place_between_the_markers_of_a_document(tmp_path: Path) -> None:
    document = tmp_path / "performance.md"
    document.write_text(f"before\n{BEGIN}\nstale\n{END}\nafter\n")
    rows = [row("lag_idle", 0.02, "s", 0.1)]
    write_into(document, "on a machine.", rows)
    text = document.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert table(rows) in text
    assert "stale" not in text
