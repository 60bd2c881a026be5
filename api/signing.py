"""How far the log is signed, as this process sees it."""

import asyncio
from typing import Final

from msgspec import Struct

from api.state import State
from ledger.store import proofs
from ledger.store.errors import StoreError

UNSIGNED_S_DEGRADED: Final = 30.0
"""A signer at work signs within a second or two: after this long it is dead, or locked out."""


class Signing(Struct, frozen=True):
    """How far the log is signed.

    `unsigned_s` is how long ago the oldest fact was recorded that no checkpoint covers, 0 where
    there is none; `refused` says why the signer does not go on, `writes_refused` why no facts are
    taken.
    """

    tree_size: int
    signed_size: int | None
    signed_s_ago: float | None
    unsigned_s: float
    refused: str | None
    writes_refused: str | None

    @property
    def is_well(self) -> bool:
        """Whether it is signed, and was lately."""
        refused = self.refused is not None or self.writes_refused is not None
        return not refused and self.unsigned_s <= UNSIGNED_S_DEGRADED


async def signing_of(state: State) -> Signing | None:
    """How far the log is signed; None where this service signs none."""
    files = state.log_files
    if files is None:
        return None
    try:
        last = await asyncio.to_thread(files.last, state.ledger.book.origin)
        refused = files.refused()
    except (StoreError, OSError) as error:
        last, refused = None, str(error)
    # The head after the checkpoint, which covers no more than there is.
    head = await state.read(proofs.head_of)
    size = None if last is None else last.size
    unsigned_s = await state.read(proofs.recorded_s_ago, (size or 0) + 1)
    return Signing(
        head.size, size, files.signed_s_ago(), round(unsigned_s, 3), refused, state.gate.shut
    )


async def signed_size_of(state: State) -> int | None:
    """How many facts the last checkpoint covers; None where there is none, or none to read."""
    files = state.log_files
    try:
        origin = state.ledger.book.origin
        last = None if files is None else await asyncio.to_thread(files.last, origin)
    except (StoreError, OSError):
        return None
    return None if last is None else last.size
