"""Batches: facts read from the book in order and folded into changes."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Final
from uuid import UUID

from msgspec import MsgspecError

from ledger.domain.history import Entry, fold, standing
from ledger.domain.laws import LAWS
from ledger.domain.streams import Kind, key_of, stream_id
from ledger.store.book import Book
from ledger.store.codec import decode_leaf
from projections.express import Express, Glance, glance, takes
from projections.folding import (
    UNFOLDABLE,
    Batch,
    Changes,
    Scopes,
    Unfoldable,
    clusters_of,
    continued,
    unfoldable,
)
from projections.models.trail import scope

SCOPES_MAX: Final = 100_000
"""Activities and projects whose clusters are remembered: about 30 MB."""

_PARENTS: Final = ((Kind.activity, "activity_id"), (Kind.project, "project_id"))
"""Whose clusters a fact may share, and by which field it names them."""


@contextmanager
def quiet() -> Iterator[None]:
    """Without the cycle collector: a batch makes many objects and no cycles."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class Source:
    """The book, read in batches. Remembers the clusters of activities between them."""

    def __init__(self, book: Book, *, express: bool = True) -> None:
        self.book = book
        self._express = express
        self._scopes: Scopes = {}

    def forget(self) -> None:
        """A batch was folded but not applied: what is remembered is ahead of the tables."""
        self._scopes.clear()

    def fold(self, after: int, states: Sequence[bytes]) -> Changes:
        """What the stored leaves from position `after` + 1 on change. Raises Unfoldable."""
        glances = _glances(after, states)
        shared = {leaf.stream for leaf in glances if leaf.version > 1}
        entries = [
            None
            if self._express and takes(leaf) and leaf.stream not in shared
            else entry_of(leaf.position, leaf.type, state)
            for leaf, state in zip(glances, states, strict=True)
        ]
        earlier = self._earlier(after, [entry for entry in entries if entry is not None])
        self._learn(after, [leaf.data for leaf in glances], earlier.values())
        batch = Batch(after, earlier, self._scopes)
        express = Express(batch.changes, self._scopes)
        for leaf, entry in zip(glances, entries, strict=True):
            if entry is None:
                express.take(leaf)
            else:
                batch.take(entry)
        return batch.settled()

    def _earlier(self, after: int, entries: Iterable[Entry]) -> dict[UUID, list[Entry]]:
        needed = continued(entries)
        return self.book.streams(needed, upto=after) if needed else {}

    def _learn(
        self, after: int, data: Sequence[object], histories: Iterable[Sequence[Entry]]
    ) -> None:
        """The clusters of activities and projects that this batch names, as known at `after`."""
        if len(self._scopes) > SCOPES_MAX:
            self._scopes.clear()
        named = {
            (kind, str(which))
            for kind, field in _PARENTS
            for which in {getattr(names, field, None) for names in data}
            if which is not None
        }
        for history in histories:
            kind, key = key_of(history[0].fact)
            if kind is Kind.attendance or kind is Kind.enrolment:
                parent = Kind.activity if kind is Kind.attendance else Kind.project
                named.add((parent, str(key[0])))
        missing = {
            stream_id(self.book.space, kind, which): (kind, which)
            for kind, which in named
            if which not in self._scopes
        }
        if not missing:
            return
        for stream, history in self.book.streams(missing, upto=after).items():
            kind, which = missing[stream]
            state = fold(LAWS[kind], standing(history))
            self._scopes[which] = scope(clusters_of(kind, state))


def _glances(after: int, states: Sequence[bytes]) -> list[Glance]:
    """A glance at each leaf, positions without a gap. Raises Unfoldable."""
    try:
        glances = [glance(state) for state in states]
    except UNFOLDABLE:
        glances = [_careful_glance(after + n, state) for n, state in enumerate(states, 1)]
    if [leaf.position for leaf in glances] == [*range(after + 1, after + len(states) + 1)]:
        return glances
    for position, leaf in enumerate(glances, after + 1):
        if leaf.position != position:
            raise Unfoldable(position, "", f"the next stored leaf has position {leaf.position}")
    return glances


def _careful_glance(position: int, state: bytes) -> Glance:
    """The same, one by one: names the leaf that cannot be read."""
    try:
        decode_leaf(state)
        return glance(state)
    except UNFOLDABLE as error:
        raise unfoldable(position, getattr(error, "topic", ""), error) from error


def entry_of(position: int, topic: str, state: bytes) -> Entry:
    """A whole fact. Position and topic are for the refusal, should the leaf not tell them."""
    try:
        return decode_leaf(state)
    except UNFOLDABLE as error:
        with suppress(MsgspecError):
            leaf = glance(state)
            position, topic = leaf.position, leaf.type
        raise unfoldable(position, topic, error) from error
