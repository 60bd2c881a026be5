"""A figure's answer as the public may see it: small cells withheld, and others with them, so that
none can be computed from the whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from projections.figures.asking import TIMES
from projections.figures.catalogue import EVERY, NUMBERS, Definition
from projections.figures.compute import Figure, Row
from projections.figures.disclosure import THRESHOLD, suppress


def public_answer(figure: Figure, years: Figure | None = None) -> dict[str, Any]:
    """The answer as JSON values; a withheld number is null.

    Counts: the rows are suppressed by disclosure.py. Shares: a row is withheld whole where the
    numerator, what is missing to the denominator, or the unknown is 1 or 2; and so is the whole
    table as soon as one row is, since every one of its numbers may add up. Money is withheld in all
    rows, as such a table does not tell how many projects stand behind each (ADR 11); its total is
    exact. Where the figure is that of one year, `years` is the table it is a row of: what is
    withheld there is withheld here.
    """
    answer: dict[str, Any] = msgspec.to_builtins(figure)
    definition = EVERY[figure.definition]
    if years is not None:
        return answer | _as_in(years, figure.period.to_day.year, NUMBERS[definition.measure])
    if definition.measure == "share":
        _withhold_share(answer, figure)
    elif definition.measure == "money" and figure.rows is not None:
        names = NUMBERS["money"]
        answer["rows"] = [{"key": row.key, **dict.fromkeys(names)} for row in figure.rows]
        answer.pop("joint_adjustment", None)
    elif definition.measure == "count" and figure.rows is not None:
        values = _values(definition, figure.parameters.by or "", figure.rows)
        answer["rows"] = [
            {"key": row.key, "value": value} for row, value in zip(figure.rows, values, strict=True)
        ]
    return answer


def _as_in(years: Figure, year: int, names: Sequence[str]) -> dict[str, Any]:
    """The numbers of one row of a public table."""
    rows = {row["key"]: row for row in public_answer(years)["rows"]}
    return {name: rows[f"{year:04}"][name] for name in names}


def _values(definition: Definition, by: str, rows: Sequence[Row]) -> list[int | None]:
    """By cluster the total and the adjustment are printed: together they are the rows' sum."""
    whole = by not in TIMES or by in definition.additive
    return suppress([row.count for row in rows], total_published=whole)


def _withhold_share(answer: dict[str, Any], figure: Figure) -> None:
    if any(map(_tells, figure.rows or ())):
        answer["rows"] = [_withheld(row.key) for row in figure.rows or ()]
        answer.pop("joint_adjustment", None)
    if _tells(figure):
        answer |= dict.fromkeys(NUMBERS["share"])


def _withheld(key: str) -> dict[str, Any]:
    return {"key": key, **dict.fromkeys(NUMBERS["share"])}


def _tells(share: Row | Figure) -> bool:
    """Whether a share tells about single organisations."""
    numerator, denominator = share.numerator or 0, share.denominator or 0
    parts = (numerator, denominator - numerator, share.unknown or 0)
    return any(0 < part < THRESHOLD for part in parts)
