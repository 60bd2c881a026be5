"""How something came about: the facts of its streams, newest first, with what each changed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Any

from msgspec import Struct

from api.histories import History
from projections.views.history import HistoryItem


class Story(Struct, frozen=True):
    """A fact, and whom it is about where that is not the page's subject itself."""

    about: str
    fact: HistoryItem


def stories(abouts: Sequence[str], histories: Sequence[History]) -> list[Story]:
    """The facts of all histories in the ledger's order, the last one first; a history each is about
    whom `abouts` names."""
    told = [
        Story(about, fact)
        for about, history in zip(abouts, histories, strict=True)
        for fact in history.items
    ]
    return sorted(told, key=lambda story: -story.fact.position)


class StoryLine(Struct, frozen=True):
    """One field that a fact changed, in a line of a table; a fact that changed none has one too."""

    position: int
    recorded_at: str
    type: str
    actor: str
    effective_on: date | None
    about: str
    field: str | None
    before: Any
    after: Any
    reason: str | None
    voided_by: int | None


def lines(told: Iterable[Story]) -> list[StoryLine]:
    """A story as the lines of its CSV, in its order."""
    return list(_lines(told))


def _lines(told: Iterable[Story]) -> Iterator[StoryLine]:
    for story in told:
        fact = story.fact
        for change in fact.changes or (None,):
            yield StoryLine(
                fact.position,
                fact.recorded_at,
                fact.type,
                fact.actor,
                fact.effective_on,
                story.about,
                None if change is None else change.field,
                None if change is None else change.before,
                None if change is None else change.after,
                fact.reason,
                fact.voided_by,
            )
