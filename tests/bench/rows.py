"""A figure with its limit, what is promised of it, and how a run is shown."""

import platform
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from msgspec import Struct, json

BEGIN: Final = "<!-- bench:begin -->"
END: Final = "<!-- bench:end -->"


class Row(Struct, frozen=True):
    """One line of the answer. `ratio` is value to limit; both are None where nothing limits."""

    name: str
    value: float
    unit: str
    limit: float | None
    ratio: float | None


class Failed(Exception):
    """A measurement that is none: the run ends with exit code 1."""


def row(name: str, value: float, unit: str, limit: float | None = None) -> Row:
    """A row with four significant digits."""
    ratio = None if limit is None else _short(value / limit if limit else value)
    return Row(name, _short(value), unit, None if limit is None else _short(limit), ratio)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


AT_LEAST: Final[dict[str, float]] = {
    "post_single": 0.4,
    "post_batch": 0.5,
    "bulk": 0.4,
    "rebuild": 1.0,
    "rebuild_first": 1.0,
    "two_processes": 0.65,
    "tree_share": 0.9,
    "get_headline": 0.3,
    "export": 1.0,
    "verify": 1.0,
    "verify_all_steps": 1.0,
    "verify_hash_share": 0.6,
    "scale10_bulk": 0.65,
    "scale10_rebuild": 0.65,
    "scale10_export": 0.65,
    "scale10_verify": 0.65,
    "scale10_get_headline": 0.65,
    "scale10_post_single": 0.65,
    "scale10_post_batch": 0.65,
}
"""The ratio that is promised, of figures where more is better."""

AT_MOST: Final[dict[str, float]] = {
    "post_single_p99_ms": 1.0,
    "post_batch_lag": 1.0,
    "demo_seconds": 1.0,
    "verify_seconds": 1.0,
    "verify_peak_rss": 1.0,
    "verify_all_steps_seconds": 1.0,
    "verify_all_steps_peak_rss": 1.0,
    "verify_complete_seconds": 1.0,
    "verify_complete_peak_rss": 1.0,
    "lag_loaded": 1.0,
    "lag_idle": 1.0,
    "report_set_json_s": 1.0,
    "report_set_pdf_s": 1.0,
    "restatement_s": 1.0,
    "two_processes_errors": 0.0,
    "get_headline_p99_ms": 1.0,
    "get_known_at": 1.0,
    "proof_ms": 1.0,
    "page_p95_ms": 1.0,
    "search_ms": 1.0,
    "figures_worst_s": 1.0,
    "recount_seconds": 1.0,
    "scale10_verify_peak_rss": 1.0,
    "scale10_verify_complete_peak_rss": 1.0,
    "scale10_report_set_json_s": 1.0,
    "scale10_report_set_pdf_s": 1.0,
    "scale10_figures_worst_s": 1.0,
    "scale10_recount_seconds": 1.0,
    "scale10_lag_loaded": 1.0,
    "scale10_lag_idle": 1.0,
    "scale10_peak_rss": 1.0,
}
"""The ratio that is promised, of figures where less is better. Others are for orientation."""


def promised(name: str) -> str:
    """What the ratio of a figure must be; empty for one that is for orientation."""
    if name in AT_LEAST:
        return f"≥ {AT_LEAST[name]:g}"
    return f"≤ {AT_MOST[name]:g}" if name in AT_MOST else ""


def holds(shown: Row) -> bool:
    """Whether a row keeps what is promised of it."""
    if shown.ratio is None:
        return True
    if shown.name in AT_LEAST:
        return shown.ratio >= AT_LEAST[shown.name]
    return shown.name not in AT_MOST or shown.ratio <= AT_MOST[shown.name]


def machine_line(row: Row) -> str:
    """One JSON object."""
    return json.encode(row).decode()


def table(rows: Iterable[Row]) -> str:
    """A Markdown table, aligned for a terminal."""
    cells = [("figure", "value", "unit", "limit", "ratio", "promised", "")]
    cells += [
        (
            r.name,
            _number(r.value),
            r.unit,
            _number(r.limit),
            "" if r.ratio is None else f"{r.ratio:.2f}",
            promised(r.name),
            "" if not promised(r.name) else "holds" if holds(r) else "**missed**",
        )
        for r in rows
    ]
    widths = [max(len(line[i]) for line in cells) for i in range(7)]
    text = [_line(line, widths) for line in cells]
    text.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(text)


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    return "| " + " | ".join(cell.ljust(w) for cell, w in zip(cells, widths, strict=True)) + " |"


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine(server_version: str) -> str:
    """Where and when this was measured, as one sentence."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    cores = 0
    if cpuinfo.exists():
        text = cpuinfo.read_text()
        cores = len(re.findall(r"^processor\s*:", text, re.MULTILINE))
        found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
        model = found[1] if found else model
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {model}, {cores or '?'} cores shared by client, service"
        f" and PostgreSQL {server_version}, Python {platform.python_version()},"
        f" {platform.system()}."
    )


def write_into(path: Path, where: str, rows: Iterable[Row]) -> None:
    """Put the table between the markers of a document. Raises Failed where it has none."""
    text = path.read_text()
    if BEGIN not in text or END not in text:
        raise Failed(f"{path} has no {BEGIN} … {END}.")
    head, rest = text.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    path.write_text(f"{head}{BEGIN}\nMeasured {where}\n\n{table(rows)}\n{END}{tail}")
