"""A restatement as a report: every output of a report is one of a restatement too."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from projections.figures.catalogue import Definition, Text
from projections.reports.explaining import Restatement
from projections.reports.model import Cell, Column, ColumnKind, Report, Table, Used
from projections.reports.restatement import Cell as Place
from projections.reports.restatement import Moved

NAME: Final = "restatement@1"
_TITLE: Final = Text("Was sich seither geändert hat", "What has changed since")
_MEANING: Final = Text(
    "Der Unterschied zwischen zwei Ständen und die Tatsachen, die ihn ausmachen. Für jede Zelle"
    " ergeben geänderte Definitionen, Tatsachen und nicht einzeln betrachtete Strecken zusammen den"
    " Unterschied.",
    "The difference between two positions, and the facts that make it up. For each cell, changed"
    " definitions, facts and runs not looked at one by one add up to the difference.",
)


def _column(id: str, kind: ColumnKind, de: str, en: str) -> Column:
    return Column(id=id, title=Text(de, en), kind=kind)


_PLACE: Final = (
    _column("figure", "text", "Kennzahl", "Figure"),
    _column("by", "text", "Gegliedert nach", "By"),
    _column("row", "text", "Zeile", "Row"),
    _column("part", "text", "Teil", "Part"),
    _column("first_day", "day", "Erster Tag", "First day"),
    _column("last_day", "day", "Letzter Tag", "Last day"),
)
_POSITION: Final = _column("position", "position", "Position", "Position")
_MOVED: Final = _column("moved", "count", "Bewegung", "Moved by")
_BEFORE: Final = _column("before", "count", "Vorher", "Before")
_AFTER: Final = _column("after", "count", "Nachher", "After")


def as_report(found: Restatement, *, origin: str, figures: Mapping[str, Definition]) -> Report:
    """The restatement as tables. `figures` are the definitions of its later end, by id."""
    cells = [one.cell for one in found.differences]
    named = sorted({cell.figure for cell in cells} & figures.keys())
    ends = {"before": found.before.filed, "after": found.after.filed}
    places = {name: str(filed) for name, filed in ends.items() if filed is not None}
    return Report(
        report=NAME,
        title=_TITLE,
        meaning=_MEANING,
        origin=origin,
        period=found.period,
        known_at=found.after.known_at,
        parameters=found.parameters | {"since": str(found.before.known_at)} | places,
        definitions=tuple(Used(figures[name].name, figures[name].sha256) for name in named),
        tables=tuple(_tables(found)),
    )


def _tables(found: Restatement) -> Iterable[Table]:
    yield Table(
        id="differences",
        title=Text("Unterschiede", "Differences"),
        columns=(*_PLACE, _BEFORE, _AFTER, _MOVED),
        rows=tuple(
            (*_place(d.cell), d.before, d.after, d.after - d.before) for d in found.differences
        ),
    )
    yield Table(
        id="versions",
        title=Text("Geänderte Definitionen", "Changed definitions"),
        columns=(
            _column("old", "text", "Bisher", "Until then"),
            _column("new", "text", "Nun", "Now"),
            *_PLACE,
            _MOVED,
        ),
        rows=tuple(
            (one.before, one.after, *move) for one in found.versions for move in _moves(one.moved)
        ),
    )
    yield Table(
        id="facts",
        title=Text("Tatsachen", "Facts"),
        columns=(
            _POSITION,
            _column("type", "text", "Art der Tatsache", "Fact type"),
            _column("recorded_on", "day", "Erfasst am (UTC)", "Recorded on (UTC)"),
            _column("actor", "text", "Erfasst von", "Recorded by"),
            _column("reason", "text", "Grund", "Reason"),
            _column("closed_at", "text", "Nach Abschluss an Position", "After the closing at"),
        ),
        rows=tuple(
            (
                line.position,
                line.type,
                line.recorded_at[:10],
                line.actor,
                line.reason,
                ", ".join(map(str, line.late)) or None,
            )
            for line in found.facts
        ),
    )
    yield Table(
        id="moves",
        title=Text("Was jede Tatsache bewegt hat", "What each fact moved"),
        columns=(_POSITION, *_PLACE, _MOVED),
        rows=tuple((line.position, *move) for line in found.facts for move in _moves(line.moved)),
    )
    yield Table(
        id="runs",
        title=Text("Nicht einzeln betrachtet", "Not looked at one by one"),
        columns=(
            _column("after", "position", "Nach Position", "After position"),
            _column("upto", "position", "Bis Position", "Up to position"),
            _column("facts", "count", "Tatsachen", "Facts"),
            *_PLACE,
            _MOVED,
        ),
        rows=tuple(
            (run.after, run.upto, run.facts, *move)
            for run in found.runs
            for move in _moves(run.moved) or [(run.figure, *(None,) * 5, 0)]
        ),
    )


def _place(cell: Place) -> tuple[Cell, ...]:
    begin = cell.period.from_
    by = f"{cell.by} ({cell.view})" if cell.view else cell.by
    return (
        cell.figure,
        by,
        cell.key or None,
        cell.part,
        begin.isoformat() if begin else None,
        cell.period.to.isoformat(),
    )


def _moves(moved: Iterable[Moved]) -> list[tuple[Cell, ...]]:
    return [(*_place(one.cell), one.by) for one in moved]
