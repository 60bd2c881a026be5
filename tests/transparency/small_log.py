"""Logs of any size for tests of what is pure: made-up facts, their tree, a signer, bundles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.transparency import bundle
from ledger.transparency.bag import as_tar, write_folder
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.note import SigningKey, signed
from ledger.transparency.tiles import Tile
from tests.transparency.growing import Grown

ORIGIN = "test.example/2026"


def key(seed: int = 1, name: str = ORIGIN) -> SigningKey:
    """A key that is the same in every run."""
    return SigningKey(name, Ed25519PrivateKey.from_private_bytes(sha256(b"%d" % seed).digest()))


def leaf(position: int, **changed: Any) -> bytes:
    """A made-up fact; each stream has three."""
    stream, version = divmod(position - 1, 3)
    fact = {
        "actor": "key:test",
        "data": {"cluster": "ict", "name": f"Müller {position}"},
        "id": f"e{position}",
        "position": position,
        "recorded_at": f"2026-11-22T10:{position // 60_000 % 60:02d}:00.000000Z",
        "source": "//test.example/app",
        "stream": str(UUID(bytes=sha256(b"%d" % stream).digest()[:16], version=4)),
        "type": "cluster.renamed.v1",
        "v": 1,
        "version": version + 1,
    }
    return orjson.dumps({**fact, **changed}, option=orjson.OPT_SORT_KEYS)


class SmallLog:
    """A log in memory, from its leaves."""

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.all = list(leaves)

    @classmethod
    def of(cls, size: int) -> SmallLog:
        return cls([leaf(position) for position in range(1, size + 1)])

    @property
    def size(self) -> int:
        return len(self.all)

    @cached_property
    def checkpoint(self) -> Checkpoint:
        return self.at(self.size)

    def at(self, size: int) -> Checkpoint:
        """What a checkpoint of its beginning says."""
        return Checkpoint(ORIGIN, size, Grown(self.all[:size]).frontier.root())

    def note(self, size: int | None = None, *keys: SigningKey) -> bytes:
        """The signed checkpoint of its beginning."""
        checkpoint = self.checkpoint if size is None else self.at(size)
        return signed(checkpoint.text, keys or (key(),)).encode()

    def leaves(self, after: int, limit: int, upto: int | None = None) -> list[bytes]:
        return self.all[after : min(after + limit, self.size if upto is None else upto)]

    def leaf_bytes(self, after: int, upto: int) -> int:
        return sum(len(found) + 1 for found in self.all[after:upto])

    def tiles(self, wanted: Sequence[Tile]) -> Mapping[Tile, bytes]:
        return {tile: self._grown.tile(tile) for tile in wanted}

    @cached_property
    def _grown(self) -> Grown:
        return Grown(self.all)

    def contents(self, **given: Any) -> bundle.Contents:
        """What goes into a bundle of everything, unless told otherwise."""
        return bundle.Contents(
            **{
                "note": self.note(),
                "checkpoint": self.checkpoint,
                "recorded_at": orjson.loads(self.all[-1])["recorded_at"] if self.all else "",
                **given,
            }
        )

    def folder(self, path: Path, **given: Any) -> Path:
        """A bundle as a folder."""
        write_folder(bundle.members(self, self.contents(**given)), path)
        return path

    def tar(self, **given: Any) -> Iterator[bytes]:
        """A bundle as a tar."""
        return as_tar(bundle.members(self, self.contents(**given)))
