"""Histories of streams as far as a key may see them: for the API and for the pages."""

from typing import NamedTuple
from uuid import UUID

from api.routes.trail import limited_to
from api.state import State
from ledger.domain.commands import Authority
from ledger.domain.streams import Kind, stream_id
from projections.views import trail
from projections.views.history import HistoryItem, history


class History(NamedTuple):
    """Every fact of a stream that is known and may be seen, in the order of versions."""

    stream: UUID
    items: list[HistoryItem]


async def histories_of(
    state: State, authority: Authority, known_at: int, *wanted: tuple[Kind, tuple[object, ...]]
) -> list[History]:
    """The histories of streams by kind and key, in their order, as known at a position: one
    reading of the book, however many there are."""
    space = state.ledger.book.space
    streams = [stream_id(space, kind, *key) for kind, key in wanted]
    found = await state.book(state.ledger.book.streams, streams, known_at)
    histories = [
        History(stream, history(kind, found.get(stream, [])))
        for stream, (kind, _) in zip(streams, wanted, strict=True)
    ]
    limits = limited_to(authority)
    if limits is None:
        return histories
    positions = [item.position for one in histories for item in one.items]
    seen = await state.read(trail.at, space, positions, limits)
    visible = {one.position for one in seen}
    return [
        History(one.stream, [item for item in one.items if item.position in visible])
        for one in histories
    ]
