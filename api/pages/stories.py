"""How something came about: the facts of its streams, newest first, with what each changed."""

from __future__ import annotations

from collections.abc import Sequence

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
