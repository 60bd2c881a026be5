"""A report as PDF: PDF/A-2a and PDF/UA-1, set by typst from `pdf_pages.typ`, offline.

The template gets one JSON text with every cell already written as its reader's language writes it.
The file says it was made on the last day of the report's period, so that its bytes depend on the
report alone.
"""

from __future__ import annotations

import re
import unicodedata
from importlib.resources import files
from typing import Any, Final

import msgspec
import typst

from projections.reports.model import Report
from projections.reports.outputs import manifest
from projections.reports.outputs.pdf_tables import tables
from projections.reports.outputs.words import (
    NOT_APPLICABLE,
    WITHHELD,
    Words,
    is_public,
    of,
)

_TEMPLATE: Final = (files("projections.reports.outputs") / "pdf_pages.typ").read_bytes()

# What Libertinus Serif has, in code points: Latin, Greek, Cyrillic, punctuation, currencies,
# some symbols. PDF/A and PDF/UA refuse a character without a glyph, so others are spelled out.
_PRINTED: Final = (
    (0x20, 0x7E), (0xA0, 0x2FF), (0x384, 0x38A), (0x38C, 0x38C), (0x38E, 0x3A1),
    (0x3A3, 0x3CE), (0x400, 0x477), (0x48C, 0x4C4), (0x1E00, 0x1EFF), (0x2010, 0x2027),
    (0x2030, 0x2037), (0x2039, 0x203F), (0x2074, 0x208E), (0x20A0, 0x20B5), (0x2100, 0x2103),
    (0x2113, 0x2113), (0x2115, 0x2117), (0x2122, 0x2122), (0x2126, 0x2126), (0x2153, 0x2184),
    (0x2190, 0x2199), (0x2212, 0x2212), (0x2248, 0x2248), (0x2260, 0x2260), (0x2264, 0x2265),
)  # fmt: skip
_OTHERS: Final = re.compile(
    f"[^{''.join(f'{re.escape(chr(first))}-{re.escape(chr(last))}' for first, last in _PRINTED)}]"
)
_SPELLED: Final = "[U+"
_INVISIBLE: Final = ("Cf", "Cc")


def printable(text: str) -> str:
    """The text in characters that the fonts have: others as [U+4E2D], invisible ones left out."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return _OTHERS.sub(_spelled, composed)


def _spelled(found: re.Match[str]) -> str:
    character = found[0]
    return (
        "" if unicodedata.category(character) in _INVISIBLE else f"{_SPELLED}{ord(character):04X}]"
    )


def render(report: Report, words: Words) -> bytes:
    """The PDF's bytes. The same report gives the same bytes, in any process."""
    given = _data(report, words)
    printed = _printable(given)
    printed["unprintable"] = str(printed).count(_SPELLED) > str(given).count(_SPELLED)
    return typst.compile(
        _TEMPLATE,
        format="pdf",
        sys_inputs={"data": msgspec.json.encode(printed).decode()},
        pdf_standards=["a-2a", "ua-1"],
        ignore_system_fonts=True,
        timestamp=0,
    )


def _printable(value: Any) -> Any:
    """The same data, every text in it printable."""
    if isinstance(value, str):
        return printable(value)
    if isinstance(value, dict):
        return {key: _printable(item) for key, item in value.items()}
    return [_printable(item) for item in value] if isinstance(value, list) else value


def _data(report: Report, words: Words) -> dict[str, Any]:
    """All that the template shows; `pdf_pages.typ` names each of these."""
    day = report.period.to
    symbols = [[WITHHELD, words.withheld]] if is_public(report) else []
    return {
        "lang": words.language,
        "title": of(report.title, words),
        "meaning": of(report.meaning, words),
        "origin": report.origin,
        "period": manifest.period(report, words),
        "state": manifest.state(report, words),
        "short": f"{report.report} · {report.origin} · SHA-256 {report.digest[:16]}…",
        "day": {"year": day.year, "month": day.month, "day": day.day},
        "notes": manifest.notes(report, words),
        "manifest": [
            [line.label, line.shown or line.value] for line in manifest.lines(report, words)
        ],
        "citation": manifest.citation(report, words),
        "recompute": manifest.recompute(report, words),
        "symbols": [*symbols, [NOT_APPLICABLE, words.not_applicable]],
        "words": msgspec.to_builtins(words),
        "tables": tables(report, words),
        "method": _method(report, words),
        "unprintable": False,
    }


def _method(report: Report, words: Words) -> list[dict[str, Any]]:
    shown: list[dict[str, Any]] = []
    for used in report.definitions:
        found = manifest.definition(used)
        texts = (
            [
                [words.unit, of(found.unit, words)],
                [words.meaning, of(found.meaning, words)],
                [words.counting_rule, of(found.counting_rule, words)],
            ]
            if found
            else [[words.note, words.not_at_hand]]
        )
        title = of(found.title, words) if found else used.definition
        shown.append(
            {
                "title": title,
                "texts": [[words.definition, used.definition], ["SHA-256", used.sha256], *texts],
            }
        )
    return shown
