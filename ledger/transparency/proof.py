"""A fact's inclusion in one text file: C2SP tlog-proof (`.tlog-proof`). Pure."""

import re
from base64 import b64encode
from collections.abc import Iterable
from typing import Final, NamedTuple

from ledger.transparency.checkpoint import Checkpoint, opened
from ledger.transparency.merkle import HASH_BYTES, InvalidProof, verify_inclusion
from ledger.transparency.note import VerifierKey, strict_base64

HEADER: Final = "c2sp.org/tlog-proof@v1"
_INDEX: Final = re.compile("index (0|[1-9][0-9]{0,18})")


class Proof(NamedTuple):
    """A leaf's index, the hashes beside its way to the root, and the checkpoint's note."""

    leaf_index: int
    hashes: tuple[bytes, ...]
    checkpoint: bytes

    def encode(self) -> bytes:
        """The file's bytes."""
        lines = [HEADER, f"index {self.leaf_index}", *(b64encode(h).decode() for h in self.hashes)]
        return "\n".join(lines).encode() + b"\n\n" + self.checkpoint

    @classmethod
    def parse(cls, raw: bytes) -> "Proof":
        """From a file, strictly. Raises InvalidProof, or InvalidNote on a hash that is none."""
        head, gap, checkpoint = raw.partition(b"\n\n")
        try:
            first, *lines = head.decode("ascii").split("\n")
        except UnicodeDecodeError as error:
            raise InvalidProof("The proof's lines are not ASCII.") from error
        if lines and lines[0].startswith("extra "):
            strict_base64(lines.pop(0).removeprefix("extra "))
        index = _INDEX.fullmatch(lines[0]) if lines else None
        if first != HEADER or not gap or index is None:
            raise InvalidProof(f"This is no {HEADER}: its first lines are others.")
        hashes = tuple(strict_base64(line) for line in lines[1:])
        if any(len(found) != HASH_BYTES for found in hashes):
            raise InvalidProof(f"A hash has {HASH_BYTES} bytes.")
        return cls(int(index[1]), hashes, checkpoint)

    def verify(self, leaf: bytes, keys: Iterable[VerifierKey], origin: str) -> Checkpoint:
        """The checkpoint that includes this leaf hash. Raises InvalidProof or InvalidNote."""
        checkpoint = opened(self.checkpoint, keys, origin)
        verify_inclusion(leaf, self.leaf_index, checkpoint.size, self.hashes, checkpoint.root)
        return checkpoint


def demand_included(
    raw: bytes, position: int, leaf: bytes, keys: Iterable[VerifierKey], origin: str
) -> None:
    """That a file proves this leaf hash at its position. Raises InvalidProof or InvalidNote."""
    proof = Proof.parse(raw)
    if proof.leaf_index != position - 1:
        raise InvalidProof(f"It is of position {proof.leaf_index + 1:,}.")
    proof.verify(leaf, keys, origin)
