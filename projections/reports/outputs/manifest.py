"""What a report rests on, as the outputs print it: the same lines in CSV, XLSX and PDF."""

from __future__ import annotations

import msgspec

from projections.figures.catalogue import EVERY, Definition
from projections.reports.model import Cell, Report, Table, Used
from projections.reports.outputs.words import Words, day, is_public, number, of


class Line(msgspec.Struct, frozen=True):
    """One line: a name that programs find it by, its label, its value; and what readers see
    instead of the value, where that is not plain."""

    name: str
    label: str
    value: str
    shown: str = ""


def period(report: Report, words: Words) -> str:
    """The report's days in words."""
    to = day(report.period.to, words)
    if report.period.from_ is None:
        return words.period_open.format("", to)
    return words.period.format(day(report.period.from_, words), to)


def state(report: Report, words: Words) -> str:
    """Up to where the ledger was known: "Stand: Position n"."""
    return words.state.format(number(report.known_at, words))


def citation(report: Report, words: Words) -> str:
    """One sentence that finds this report again, and proves it is this one."""
    return words.citation.format(
        title=of(report.title, words),
        period=period(report, words),
        state=state(report, words),
        origin=report.origin,
        digest=report.digest,
    )


def recompute(report: Report, words: Words) -> str:
    """How anyone makes the report again."""
    return words.recompute.format(position=number(report.known_at, words), origin=report.origin)


def lines(report: Report, words: Words) -> list[Line]:
    """The manifest, one line each, in a fixed order."""
    start = report.period.from_.isoformat() if report.period.from_ else ""
    found = [
        Line("report", words.report, report.report),
        Line("origin", words.origin, report.origin),
        Line("period", words.days, f"{start}/{report.period.to}", period(report, words)),
        Line("known_at", words.position, str(report.known_at)),
        Line("sha256", words.digest, report.digest),
    ]
    found += [
        Line(f"parameters.{name}", f"{words.parameters}: {name}", value)
        for name, value in sorted(report.parameters.items())
    ]
    found += [
        Line(f"definitions.{used.definition}", f"{words.definition} {used.definition}", used.sha256)
        for used in report.definitions
    ]
    return found


def closing(table: Table, words: Words) -> list[tuple[Cell, ...]]:
    """The lines below a table's rows. What a line is stands in its first cell, where that has no
    value of its own."""
    lines = ((words.adjustment, table.adjustment), (words.total, table.total))
    return [
        (label if cells[0] is None else cells[0], *cells[1:])
        for label, cells in lines
        if cells is not None
    ]


def definition(used: Used) -> Definition | None:
    """A definition's texts, or None when those at hand are not the ones the report rests on."""
    found = EVERY.get(used.definition)
    return found if found is not None and found.sha256 == used.sha256 else None


def notes(report: Report, words: Words) -> list[str]:
    """What a reader must know before the first number."""
    return [words.profile_public] if is_public(report) else []
