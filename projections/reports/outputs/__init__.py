"""Every form a report is given out in, drawn from the one object and from nothing else.

`render` is pure: the same report, format and language give the same bytes on any machine, in any
process. Each form carries the manifest: origin, position, definitions, parameters, and the SHA-256
of the JSON form, which is the report's name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

from projections.reports.model import Report
from projections.reports.outputs import csv_text, pdf_pages, xlsx_book
from projections.reports.outputs.words import WORDS, Language, Words

__all__ = ["FORMATS", "Format", "Language", "Output", "file_name", "render"]

Format = Literal["json", "csv", "csv-de", "xlsx", "pdf"]


class Output(msgspec.Struct, frozen=True):
    """One form: its media type, how its file's name ends, whether words in it have a language."""

    media_type: str
    suffix: str
    has_language: bool
    draw: Callable[[Report, Words], bytes]


FORMATS: Final[Mapping[Format, Output]] = MappingProxyType(
    {
        "json": Output("application/json", "json", False, lambda report, _: report.canonical()),
        "csv": Output(
            "text/csv; charset=utf-8; header=present",
            "csv",
            True,
            lambda report, words: csv_text.render(report, words, csv_text.RFC_4180),
        ),
        "csv-de": Output(
            "text/csv; charset=utf-8; header=present",
            "csv",
            True,
            lambda report, words: csv_text.render(report, words, csv_text.GERMAN),
        ),
        "xlsx": Output(
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
            "xlsx",
            True,
            xlsx_book.render,
        ),
        "pdf": Output("application/pdf", "pdf", True, pdf_pages.render),
    }
)
"""Every form by its name."""

_UNSAFE: Final = re.compile(r"[^a-z0-9]+")


def render(report: Report, format: Format, language: Language) -> bytes:  # noqa: A002 - its word in URLs
    """The report's bytes in one form. JSON has both languages in it and is the same for each."""
    return FORMATS[format].draw(report, WORDS[language])


def file_name(report: Report, format: Format, language: Language) -> str:  # noqa: A002 - as in URLs
    """A name for a saved file: report, period, position, digest's start, language; plain ASCII."""
    start = report.period.from_.isoformat() if report.period.from_ else "start"
    parts = [
        _UNSAFE.sub("-", report.report.lower()).strip("-"),
        start,
        report.period.to.isoformat(),
        str(report.known_at),
        report.digest[:8],
    ]
    if FORMATS[format].has_language:
        parts.append(language)
    return f"{'_'.join(parts)}.{FORMATS[format].suffix}"
