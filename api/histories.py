"""A stream's history as far as a key may see it: for the API and for the pages."""

import asyncio
from uuid import UUID

from api.routes.trail import limited_to
from api.state import State
from ledger.domain.commands import Authority
from ledger.domain.streams import Kind, stream_id
from projections.views import trail
from projections.views.history import HistoryItem, history


async def history_of(
    state: State, authority: Authority, kind: Kind, key: tuple[object, ...], known_at: int
) -> tuple[UUID, list[HistoryItem]]:
    """The stream's id, and every fact of it known at a position, in the order of versions."""
    space = state.ledger.book.space
    stream = stream_id(space, kind, *key)
    found = await asyncio.to_thread(state.ledger.book.streams, [stream], known_at)
    items = history(kind, found.get(stream, []))
    limits = limited_to(authority)
    if limits is not None:
        positions = [item.position for item in items]
        seen = await state.read(trail.at, space, positions, limits)
        visible = {one.position for one in seen}
        items = [item for item in items if item.position in visible]
    return stream, items
