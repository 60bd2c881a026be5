"""Where a figure can have moved: the positions at which a row that it reads opened or closed.

A definition reads tables `models.*`, each row of which was known from one position to another. So
between two neighbouring positions of this set nothing that the definition reads differs, and its
value is the same by construction. Rows that begin after the period's last day are left out: no
definition looks beyond it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Final

from projections.figures.catalogue import Definition
from projections.figures.engines import Engine

_TABLE: Final = re.compile(r"\bmodels\.(\w+)")

_FROM_A_DAY: Final = "valid_from <= %(last_day)s"
_MATTERS: Final[Mapping[str, str]] = {
    "cluster": _FROM_A_DAY,
    "organisation": _FROM_A_DAY,
    "identity_edge": _FROM_A_DAY,
    "membership": _FROM_A_DAY,
    "application": _FROM_A_DAY,
    "enrolment": _FROM_A_DAY,
    "activity": "held_on <= %(last_day)s",
    "attendance": """activity_id IN (
        SELECT activity.activity_id FROM models.activity AS activity
        WHERE activity.held_on <= %(last_day)s)""",
}
"""Which rows can matter by the period's last day, as known at any position. Others all can."""


class Candidates:
    """The positions in (after, upto] at which figures can have moved, by table, each asked once."""

    def __init__(self, engine: Engine, after: int, upto: int) -> None:
        self._engine = engine
        self._bounds = {"after": after, "upto": upto}
        self._known: dict[tuple[str, date], frozenset[int]] = {}

    def of(self, definition: Definition, last_day: date) -> list[int]:
        """Those of one definition, in order."""
        tables = sorted(set(_TABLE.findall(definition.sql)))
        return sorted(frozenset().union(*(self._in(table, last_day) for table in tables)))

    def _in(self, table: str, last_day: date) -> frozenset[int]:
        asked = (table, last_day)
        if asked not in self._known:
            matters = _MATTERS.get(table, "true")
            rows = self._engine.rows(
                f"""SELECT known_from FROM models.{table}
                WHERE %(after)s < known_from AND known_from <= %(upto)s AND {matters}
                UNION
                SELECT known_to FROM models.{table}
                WHERE %(after)s < known_to AND known_to <= %(upto)s AND {matters}""",  # noqa: S608 - constants
                {**self._bounds, "last_day": last_day},
            )
            self._known[asked] = frozenset(position for (position,) in rows)
        return self._known[asked]
