"""How something came about: the facts of its streams, newest first, with what each changed."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from projections.views.history import HistoryItem


class Story(Struct, frozen=True):
    """A fact, and whom it is about where that is not the page's subject itself."""

    about: str
    fact: HistoryItem


def latest_first(stories: Iterable[Story]) -> list[Story]:
    """In the ledger's order, the last one first."""
    return sorted(stories, key=lambda told: -told.fact.position)
