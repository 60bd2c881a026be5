"""Why a figure is not computed: a code, the sentence, and what is allowed instead."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import date
from typing import ClassVar

_WORD = re.compile(r"(?<=[a-z])(?=[A-Z])")


class FigureRefusal(Exception):
    """A figure is not computed. `code` is stable; `allowed` names what would do, if that can be
    listed."""

    code: ClassVar[str] = "figure_refusal"

    def __init_subclass__(cls) -> None:
        cls.code = _WORD.sub("_", cls.__name__).lower()

    def __init__(self, *, allowed: Iterable[str] = (), **case: object) -> None:
        self.allowed = tuple(allowed)
        self.case = case
        super().__init__(" ".join((self.__doc__ or "").split()).format_map(case))

    @property
    def fix(self) -> str | None:
        """What would do."""
        return f"Allowed: {', '.join(self.allowed)}." if self.allowed else None


class UnknownFigure(FigureRefusal):
    """There is no figure {figure}."""


class UnknownVersion(FigureRefusal):
    """Figure {figure} has no version {version}."""


class UnknownDimension(FigureRefusal):
    """Figure {figure} is not counted by {dimension}."""


class UnknownRow(FigureRefusal):
    """Figure {figure} has no row {key} by {by}: a cell is asked for by a dimension and a key."""


class UnknownView(FigureRefusal):
    """There is no view {view} of a table by cluster."""


class UnknownCluster(FigureRefusal):
    """No cluster {cluster} is known at position {known_at}."""


class UnknownOf(FigureRefusal):
    """Nothing is known of {of} by figure {figure}: a share is of what its definition names."""


class PeriodOutsideLedger(FigureRefusal):
    """The period ends on {period_to}; the ledger's days are {first_day} to {last_day}."""


class PeriodReversed(FigureRefusal):
    """The period ends on {period_to}, before it begins on {period_from}."""

    def __init__(self, *, period_from: date, period_to: date) -> None:
        super().__init__(
            allowed=(f"{period_from} and later",), period_to=period_to, period_from=period_from
        )


class TooManyYears(FigureRefusal):
    """The period spans {years} calendar years, a table by year at most {most}."""


class TooManyQuarters(FigureRefusal):
    """The period spans {quarters} quarters, a table by quarter at most {most}."""


class InvalidCursor(FigureRefusal):
    """The cursor {after} does not come from a page of these facts."""
