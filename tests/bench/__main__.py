"""The command: which figures, how large, shown how.

Everything is measured unless `--only` names figures; ten times the facts (`scale10_…`, some ten
minutes) belong to the full run, are left out by `--no-scale10`, and come with `--quick` or `--only`
when `--scale10` is given or one of them is named. Exit code 1: a measurement failed. A limit that
is missed is shown, not punished.
"""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

from msgspec.structs import replace

from api.logs import configure
from tests.bench import auditing, bulk, counting, log, pages, posting, reading, reporting
from tests.bench.rows import AT_LEAST, Failed, Row, machine, machine_line, row, table, write_into
from tests.bench.stage import FULL, LARGE, QUICK, Sizes, Stage

Measure = Callable[[Stage], Iterator[Row]]

FIGURES: dict[str, Measure] = {
    "bulk": bulk.bulk,
    "rebuild": bulk.rebuild,
    "export": auditing.export,
    "verify": auditing.verify,
    "verify_all_steps": auditing.verify_all_steps,
    "verify_complete": auditing.verify_complete,
    "get_headline": reading.get_headline,
    "get_known_at": reading.get_known_at,
    "page_p95_ms": pages.page_p95_ms,
    "search_ms": pages.search_ms,
    "report_set": reporting.report_set,
    "restatement_s": reporting.restatement_s,
    "figures_worst_s": counting.figures_worst_s,
    "figures_by_worst_s": counting.figures_by_worst_s,
    "recount_seconds": counting.recount_seconds,
    "post_single": posting.post_single,
    "post_batch": posting.post_batch,
    "two_processes": posting.two_processes,
    "lag_loaded": posting.lag_loaded,
    "lag_idle": posting.lag_idle,
    "tree_share": log.tree_share,
    "proof_ms": log.proof_ms,
    "demo_seconds": bulk.demo_seconds,
    "peers": bulk.peers,
}
"""Each gives rows whose names begin with its own (`peers`: with peer_). Volume comes first: the
ledger that the others read and write is the one it loads."""

AT_SCALE_10 = (
    "bulk",
    "rebuild",
    "export",
    "verify",
    "verify_complete",
    "get_known_at",
    "get_headline",
    "report_set",
    "figures_worst_s",
    "recount_seconds",
    "post_single",
    "post_batch",
    "lag_loaded",
    "lag_idle",
)
TIMES_AT_MOST = 12
"""At ten times the facts a report or figure takes so many times as long at most."""
COUNTED = ("report_set_json_s", "report_set_pdf_s", "figures_worst_s", "recount_seconds")
PREFIX = "scale10_"
RSS_GB_MAX = 1.5


def main() -> int:
    """Measure, show; the exit code."""
    options = _options()
    configure("warning")
    sizes = QUICK if options.quick else FULL
    wanted, large = _wanted(options)
    rows: list[Row] = []
    folder = Path(options.keep or tempfile.mkdtemp(prefix="clusterledger-bench-")).absolute()
    with ExitStack() as stack:
        if options.keep is None:
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
        try:
            where = _measure(folder / "one", sizes, wanted, rows, options)
            if large:
                _measure_large(folder / "ten", sizes, large, rows, options)
        except Failed as failed:
            print(f"bench: {failed}", file=sys.stderr)
            return 1
        if not options.json:
            print(f"Measured {where}\n\n{table(rows)}")
        if options.write:
            write_into(Path(options.write), where, rows)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--quick", action="store_true", help="small sizes: a smoke test")
    parser.add_argument("--only", default="", help="names of figures, with commas")
    parser.add_argument("--scale10", action="store_true", help="ten times the facts too")
    parser.add_argument("--no-scale10", action="store_true", help="not even in the full run")
    parser.add_argument("--keep", metavar="DIR", help="work there, and leave it")
    parser.add_argument("--write", metavar="FILE", help="put the table between its markers")
    return parser.parse_args()


def _wanted(options: argparse.Namespace) -> tuple[list[str], list[str]]:
    """Names of figures at the first scale, and at ten times that. SystemExit for unknown ones."""
    named = [name for name in options.only.split(",") if name]
    large = [name.removeprefix(PREFIX) for name in named if name.startswith(PREFIX)]
    large = list(AT_SCALE_10) if large == ["peak_rss"] else large
    wanted = [name for name in named if not name.startswith(PREFIX)]
    unknown = [n for n in wanted if n not in FIGURES] + [n for n in large if n not in AT_SCALE_10]
    if unknown:
        known = ", ".join([*FIGURES, *(PREFIX + name for name in AT_SCALE_10)])
        sys.exit(f"bench: there is no figure {', '.join(unknown)}. There are: {known}.")
    if not named:
        wanted = list(FIGURES)
        if not options.quick and not options.no_scale10:
            large = list(AT_SCALE_10)
    if options.scale10:
        large = list(AT_SCALE_10)
    # A rate at ten times the facts stands beside the same at the first scale.
    wanted += [name for name in large if name not in wanted]
    return [name for name in FIGURES if name in wanted], [n for n in AT_SCALE_10 if n in large]


def _measure(
    folder: Path, sizes: Sizes, wanted: list[str], rows: list[Row], options: argparse.Namespace
) -> str:
    with Stage(folder, sizes) as stage:
        for name in wanted:
            _tell(name, options)
            for found in FIGURES[name](stage):
                _show(found, rows, options)
        return machine(stage.server_version())


def _measure_large(
    folder: Path, sizes: Sizes, wanted: list[str], rows: list[Row], options: argparse.Namespace
) -> None:
    """The same at ten times the facts, each beside its value at the first scale."""
    before = {found.name: found.value for found in rows}
    ten = LARGE if sizes is FULL else replace(sizes, scale=sizes.scale * 10)
    with Stage(folder, ten) as stage:
        for name in wanted:
            _tell(PREFIX + name, options)
            measured = _loaded(stage) if name == "bulk" else FIGURES[name](stage)
            for found in measured:
                if found.name in before and found.name in AT_LEAST:
                    limit: float | None = before[found.name]
                elif found.name in before and found.name in COUNTED:
                    limit = before[found.name] * TIMES_AT_MOST
                elif found.name.endswith("_beside_reading"):
                    continue
                else:
                    limit = found.limit
                _show(row(PREFIX + found.name, found.value, found.unit, limit), rows, options)
        stage.watch.close()
        bounded = {name: peak for name, peak in stage.watch.peaks.items() if name != "recount"}
        largest = max(bounded, key=lambda name: bounded[name])  # DuckDB has a limit of its own
        _tell(f"{PREFIX}peak_rss: the largest is {largest}; {stage.watch.peaks}", options)
        gigabytes = stage.watch.peaks[largest] / 1e9
        _show(row(f"{PREFIX}peak_rss", gigabytes, "GB", RSS_GB_MAX), rows, options)


def _loaded(stage: Stage) -> Iterator[Row]:
    yield row("bulk", stage.loaded(), "facts/s")


def _show(found: Row, rows: list[Row], options: argparse.Namespace) -> None:
    rows.append(found)
    if options.json:
        print(machine_line(found), flush=True)


def _tell(what: str, options: argparse.Namespace) -> None:
    if not options.json:
        print(f"bench: {what} …", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
