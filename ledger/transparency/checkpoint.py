"""Checkpoints: a log's name, size and root in a signed note. C2SP tlog-checkpoint. Pure."""

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple

from ledger.transparency.merkle import EMPTY_ROOT, HASH_BYTES, SIZE_MAX
from ledger.transparency.note import InvalidNote, Note, VerifierKey, strict_base64

_SIZE: Final = re.compile("0|[1-9][0-9]{0,18}")


class Checkpoint(NamedTuple):
    """What is signed: the log `origin` has `size` leaves and this root."""

    origin: str
    size: int
    root: bytes

    @property
    def text(self) -> str:
        """The note's text: three lines, no extensions."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """From a note's text, strictly. Raises InvalidNote."""
        lines = text.split("\n")
        if len(lines) != 4 or lines[3] or not lines[0]:
            raise InvalidNote("A checkpoint has three lines: origin, tree size, root.")
        origin, size, root = lines[:3]
        if not _SIZE.fullmatch(size) or int(size) > SIZE_MAX:
            raise InvalidNote(f"{size[:100]!r} is no tree size: 0 to 2^63 - 1, no leading zero.")
        found = cls(origin, int(size), strict_base64(root))
        if len(found.root) != HASH_BYTES:
            raise InvalidNote(f"The root has {len(found.root)} bytes, not {HASH_BYTES}.")
        if not found.size and found.root != EMPTY_ROOT:
            raise InvalidNote("The root of an empty tree is SHA-256 of nothing, and this is not.")
        return found


def opened(raw: bytes, keys: Iterable[VerifierKey], origin: str) -> Checkpoint:
    """The checkpoint in a note that one of these keys signed for this origin.

    Raises InvalidNote. Nothing of a note is to be believed before.
    """
    note = Note.parse(raw)
    note.signers(keys)
    found = Checkpoint.parse(note.text)
    if found.origin != origin:
        raise InvalidNote(f"This is a checkpoint of {found.origin[:200]!r}, not of {origin!r}.")
    return found
