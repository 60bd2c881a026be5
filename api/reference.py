"""The reference, generated: `python -m api.reference > docs/reference.md`."""

import sys
from collections.abc import Iterable
from typing import Final

import msgspec

from api.metrics import METRICS, PREFIX
from api.openapi import docs_of
from api.problems import all_codes, sentence_of
from api.settings import PREFIX as ENVIRONMENT
from api.settings import Settings

HEAD: Final = """\
# Reference

<!-- Generated: python -m api.reference > docs/reference.md -->

## Settings

Environment variables, or options of `clusterledger serve` of the same name. All are optional.

| Variable | Default | What it is for |
| --- | --- | --- |
"""
METRICS_HEAD: Final = f"""
## Metrics

Prometheus text format at `/metrics` on its own listener ({ENVIRONMENT}METRICS_PORT), without a key:
let only your Prometheus reach it. Counters are of one process and start at 0 with it.

| Metric | Kind | Labels | What it tells |
| --- | --- | --- | --- |
"""
PROBLEMS_HEAD: Final = """
## Problem codes

Every error is `application/problem+json` (RFC 9457). `code` is stable; `type` is
`/docs/problems#<code>`. In braces stands what an answer spells out.

| Code | Status | Meaning |
| --- | --- | --- |
"""


def reference() -> str:
    """Settings, metrics and problem codes as Markdown."""
    return "".join(
        (
            HEAD,
            *_lines(_settings()),
            METRICS_HEAD,
            *_lines(_metrics()),
            PROBLEMS_HEAD,
            *_lines(_problems()),
        )
    )


def _lines(rows: Iterable[tuple[str, ...]]) -> Iterable[str]:
    for row in rows:
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n"


def _settings() -> Iterable[tuple[str, ...]]:
    documented = docs_of(Settings)
    for field in msgspec.structs.fields(Settings):
        default = "" if field.default is None else f"`{field.default}`"
        yield f"`{ENVIRONMENT}{field.name.upper()}`", default, documented[field.name]


def _metrics() -> Iterable[tuple[str, ...]]:
    for name, metric in METRICS.items():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        yield f"`{PREFIX}{name}`", metric.kind, labels, metric.text


def _problems() -> Iterable[tuple[str, ...]]:
    for code, (status, title) in all_codes().items():
        yield f"`{code}`", str(status), sentence_of(code) or f"{title}."


if __name__ == "__main__":
    sys.stdout.write(reference())
