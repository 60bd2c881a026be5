"""The words the outputs add to a report's own, and how each language writes values.

One class with two instances: a text that is missing in one language does not pass the type check.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

import msgspec

from projections.figures.catalogue import Text
from projections.reports.model import Cell, Column, Report
from projections.reports.outputs.codes import NAMES

Language = Literal["de", "en"]

WITHHELD: Final = "."
"""German official statistics' symbol: the value is unknown, or kept secret."""

NOT_APPLICABLE: Final = "x"
"""German official statistics' symbol: the cell is barred, as a value would say nothing."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """Every word of the outputs in one language. Placeholders are str.format's."""

    language: Language
    thousands: str
    decimal: str
    day: str
    days: str
    period: str
    period_open: str
    state: str
    position: str
    origin: str
    digest: str
    report: str
    parameters: str
    profile_public: str
    citation: str
    citing: str
    recompute_title: str
    recompute: str
    contents: str
    symbols: str
    withheld: str
    not_applicable: str
    euro: str
    method: str
    method_lede: str
    definition: str
    meaning: str
    counting_rule: str
    unit: str
    not_at_hand: str
    manifest: str
    table: str
    adjustment: str
    total: str
    note: str
    chart_of: str
    as_table: str
    no_rows: str
    continued: str
    page: str
    unprintable: str
    columns: str


DE: Final = Words(
    language="de",
    thousands=".",
    decimal=",",
    day="{0:%d.%m.%Y}",
    days="Zeitraum",
    period="{0} bis {1}",
    period_open="von Beginn des Programms bis {1}",
    state="Stand: Position {0}",
    position="Position",
    origin="Verzeichnis",
    digest="SHA-256 dieses Berichts",
    report="Bericht",
    parameters="Parameter",
    profile_public="Öffentliche Fassung: kleine Werte sind unterdrückt.",
    citation="{title}. {period}. {state}. {origin}. SHA-256 {digest}.",
    citing="So wird zitiert",
    recompute_title="Nachrechnen",
    recompute=(
        "Der Bericht folgt allein aus den Fakten bis Position {position} des Verzeichnisses "
        "{origin} und aus den genannten Definitionen. Die JSON-Fassung nennt alles, wovon er "
        "abhängt; „clusterledger report recompute“ berechnet ihn daraus neu. Stimmt der SHA-256 "
        "der JSON-Fassung überein, so ist jede Zahl dieselbe."
    ),
    contents="Tabellen",
    symbols="Zeichenerklärung",
    withheld="Zahlenwert unbekannt oder geheim zu halten",
    not_applicable="Tabellenfach gesperrt, weil Aussage nicht sinnvoll",
    euro="Euro",
    method="Methode",
    method_lede="Jede Zahl dieses Berichts ist nach einer dieser Definitionen gezählt.",
    definition="Definition",
    meaning="Bedeutung",
    counting_rule="Zählregel",
    unit="Einheit",
    not_at_hand="Der Wortlaut dieser Fassung liegt hier nicht vor.",
    manifest="Herkunft",
    table="Tabelle",
    adjustment="Bereinigung um Gemeinsames",
    total="Insgesamt",
    note="Anmerkung",
    chart_of="Diagramm: {0}, {1}. Alle Werte stehen in der Tabelle. Höchster Wert: {2}.",
    as_table="Dieselben Werte stehen in der Tabelle.",
    no_rows="Für diesen Zeitraum gibt es keine Zeilen.",
    continued="{title} (Spalten {first} bis {last} von {all})",
    page="Seite {0} von {1}",
    unprintable=(
        "Schriftzeichen, die in den eingebetteten Schriften fehlen, stehen als [U+…]; JSON, CSV "
        "und XLSX enthalten sie unverändert."
    ),
    columns="Gezählt nach",
)

EN: Final = Words(
    language="en",
    thousands=",",
    decimal=".",
    day="{0:%Y-%m-%d}",
    days="Period",
    period="{0} to {1}",
    period_open="from the programme's start to {1}",
    state="As of position {0}",
    position="Position",
    origin="Ledger",
    digest="SHA-256 of this report",
    report="Report",
    parameters="Parameters",
    profile_public="Public version: small values are withheld.",
    citation="{title}. {period}. {state}. {origin}. SHA-256 {digest}.",
    citing="How to cite",
    recompute_title="Computing it again",
    recompute=(
        "The report follows from the facts up to position {position} of the ledger {origin} and "
        "from the definitions named, and from nothing else. Its JSON form names all it depends "
        "on; “clusterledger report recompute” computes it again from that. If the SHA-256 of the "
        "JSON form agrees, every number is the same."
    ),
    contents="Tables",
    symbols="Symbols",
    withheld="value unknown or withheld",
    not_applicable="barred, as a value would say nothing",
    euro="euros",
    method="Method",
    method_lede="Every number of this report is counted by one of these definitions.",
    definition="Definition",
    meaning="Meaning",
    counting_rule="Counting rule",
    unit="Unit",
    not_at_hand="The wording of this version is not at hand here.",
    manifest="Provenance",
    table="Table",
    adjustment="Joint adjustment",
    total="Total",
    note="Note",
    chart_of="Chart: {0}, {1}. All values stand in the table. Highest value: {2}.",
    as_table="The same values stand in the table.",
    no_rows="There are no rows for this period.",
    continued="{title} (columns {first} to {last} of {all})",
    page="Page {0} of {1}",
    unprintable=(
        "Characters that the embedded fonts lack stand as [U+…]; JSON, CSV and XLSX hold them "
        "unchanged."
    ),
    columns="Counted by",
)

WORDS: Final[dict[Language, Words]] = {"de": DE, "en": EN}


def of(text: Text, words: Words) -> str:
    """The words of `text` in the language."""
    return text.de if words.language == "de" else text.en


def number(value: int, words: Words) -> str:
    """1234567 as 1.234.567 or 1,234,567; a negative one with the minus sign, not a hyphen."""
    digits = f"{abs(value):,}".replace(",", words.thousands)
    return f"\N{MINUS SIGN}{digits}" if value < 0 else digits


def euros(cents: int, words: Words) -> str:
    """Cents as euros with both decimals: 123456 as 1.234,56 or 1,234.56."""
    sign = "\N{MINUS SIGN}" if cents < 0 else ""
    return f"{sign}{number(abs(cents) // 100, words)}{words.decimal}{abs(cents) % 100:02}"


def day(value: str | date, words: Words) -> str:
    """An ISO date as the language writes it in tables. Raises ValueError when it is none."""
    return words.day.format(date.fromisoformat(value) if isinstance(value, str) else value)


def is_public(report: Report) -> bool:
    """Whether the report went through `projections.reports.public`."""
    return report.parameters.get("profile") == "public"


def empty(report: Report, *, in_total: bool) -> str:
    """What stands for a cell without a value: only a public report withholds, and totals never."""
    return WITHHELD if is_public(report) and not in_total else NOT_APPLICABLE


def shown(cell: Cell, column: Column, words: Words) -> str:
    """A cell that has a value, for readers. A key takes no separators: it may be a year."""
    if isinstance(cell, int):
        if column.kind == "cents":
            return euros(cell, words)
        return str(cell) if column.kind == "key" else number(cell, words)
    text = str(cell)
    if column.kind == "key":
        name = NAMES.get(column.id, {}).get(text)
        return of(name, words) if name else text
    return day(text, words) if column.kind == "day" else text
