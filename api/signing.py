"""How far the log is signed, as this process sees it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from msgspec import Struct

from ledger.store import proofs
from ledger.transparency.note import InvalidNote

if TYPE_CHECKING:
    from api.state import State


class Signing(Struct, frozen=True):
    """How far the log is signed. `refused` says why the signer does not go on."""

    tree_size: int
    signed_size: int | None
    signed_s_ago: float | None
    refused: str | None


async def signing_of(state: State) -> Signing | None:
    """How far the log is signed; None where this service signs none."""
    files = state.log_files
    if files is None:
        return None
    head = await state.read(proofs.head_of)
    try:
        last = await asyncio.to_thread(files.last)
        refused = files.refused()
    except (InvalidNote, OSError) as error:
        last, refused = None, str(error)
    return Signing(head.size, None if last is None else last.size, files.signed_s_ago(), refused)


async def signed_size_of(state: State) -> int | None:
    """How many facts the last checkpoint covers; None where there is none, or none to read."""
    files = state.log_files
    try:
        last = None if files is None else await asyncio.to_thread(files.last)
    except (InvalidNote, OSError):
        return None
    return None if last is None else last.size
