"""The one object that a report is: every output format is drawn from it and from nothing else.

Its canonical JSON has a SHA-256, which is its ETag and its name in `report.published.v1`. It holds
no time of its making and no tree root: made again anywhere, it has the same bytes.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from hashlib import sha256
from typing import Final, Literal

import msgspec

from projections.figures.catalogue import Text

Cell = int | str | None
"""Integers stay integers (counts, cents, positions); days are ISO dates; None is withheld or not
applicable."""

ColumnKind = Literal["key", "text", "count", "cents", "position", "day"]
"""How a column's cells are to be read and shown. `key` tells rows apart: a year, a cluster, a
class."""

Chart = Literal["line", "bar", "stacked"]

OPEN_IMPORTS: Final = "open_imports"
ACCEPTED: Final = "accepted"
"""The parameter that every report takes, and its value: whoever filed it accepted that attendance
lists had not come in full (imports.py). It narrows nothing and changes no number."""


def narrowing(parameters: Mapping[str, str]) -> dict[str, str]:
    """The parameters that say of what a report is."""
    return {name: value for name, value in parameters.items() if name != OPEN_IMPORTS}


class Column(msgspec.Struct, frozen=True, kw_only=True):
    """One column. `definition` is the id@version of the figure its cells are values of."""

    id: str
    title: Text
    kind: ColumnKind
    definition: str | None = None


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """One table: rows in their final order, each as long as `columns`; `total` likewise, or none.

    `adjustment`, by cluster: what the rows' sums lack to the total (0 or less), because a joint
    activity stands in several rows and counts once. `chart` is how it may be drawn besides: the
    first column's keys against the columns of kind count or cents.
    """

    id: str
    title: Text
    columns: tuple[Column, ...]
    rows: tuple[tuple[Cell, ...], ...]
    total: tuple[Cell, ...] | None = None
    adjustment: tuple[Cell, ...] | None = None
    note: Text | None = None
    chart: Chart | None = None


class Used(msgspec.Struct, frozen=True):
    """A definition the report rests on: id@version, and the SHA-256 of its texts."""

    definition: str
    sha256: str


class Span(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """Days, both inclusive; `from` null: from the programme's start."""

    from_: date | None
    to: date


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """A report with its manifest: a pure function of what stands in it before `tables`."""

    report: str
    title: Text
    meaning: Text
    origin: str
    period: Span
    known_at: int
    parameters: dict[str, str]
    definitions: tuple[Used, ...]
    tables: tuple[Table, ...]

    def canonical(self) -> bytes:
        """RFC 8785 JSON: keys sorted, no white space, integers only."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def digest(self) -> str:
        """SHA-256 of the canonical bytes, in hexadecimal."""
        return sha256(self.canonical()).hexdigest()
