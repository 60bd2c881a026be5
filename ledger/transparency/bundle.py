"""The audit bundle: facts, checkpoint, tiles, proofs and reports in one bag, as a stream.

The same log, checkpoint and files give the same bytes. Memory holds one batch of facts. What is in
it is written down in docs/verifying.md; `ledger.transparency.verify` reads it.
"""

from base64 import b64encode
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from ledger.transparency.bag import (
    CHECKPOINT,
    CONSISTENCY,
    CRATE,
    FACTS,
    PREVIOUS,
    Member,
    bagged,
)
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.contents import crate, part_of, proof_path
from ledger.transparency.hashes import TILE_HEIGHTS
from ledger.transparency.merkle import InvalidProof, consistency_proof, inclusion_proof
from ledger.transparency.note import InvalidNote, Note
from ledger.transparency.proof import Proof
from ledger.transparency.tiles import WIDTH, Tile, hash_reader, right_edge, tiles_of

BATCH_FACTS: Final = 5_000
BATCH_TILES: Final = 256

Advanced = Callable[[int, int], object]
"""Told after each batch: (facts written, facts in all)."""


class Log(Protocol):
    """What a bundle is made from."""

    def leaves(self, after: int, limit: int, upto: int | None = None) -> list[bytes]:
        """Stored leaves of the positions `after` + 1 to `after` + `limit`, none after `upto`."""

    def leaf_bytes(self, after: int, upto: int) -> int:
        """Bytes of the lines of the positions after `after` up to `upto`."""

    def tiles(self, wanted: Sequence[Tile]) -> Mapping[Tile, bytes]:
        """The tree's tiles, partial ones too."""


class Contents(NamedTuple):
    """What is to be in a bundle.

    `note` is the signed checkpoint that the bundle reaches up to, `checkpoint` what it says. The
    facts are those after position `after`: 0 for everything. `previous` is an earlier checkpoint of
    the log, its note and what it says. `proven` are positions whose `.tlog-proof` goes with them,
    `files` paths below `data/` with their content. `recorded_at` is that of the last fact.
    """

    note: bytes
    checkpoint: Checkpoint
    recorded_at: str
    after: int = 0
    previous: tuple[bytes, Checkpoint] | None = None
    proven: Sequence[int] = ()
    files: Iterable[tuple[str, bytes]] = ()


def held_before(note: bytes, now: Checkpoint) -> tuple[bytes, Checkpoint]:
    """An earlier checkpoint of the same log, as `Contents` takes it. Raises InvalidNote.

    Its signature and root are not looked at: whoever verifies the bundle does that.
    """
    held = Checkpoint.parse(Note.parse(note).text)
    if held.origin != now.origin:
        raise InvalidNote(f"It is a checkpoint of {held.origin[:200]!r}, not of {now.origin!r}.")
    if held.size > now.size:
        raise InvalidNote(
            f"It has {held.size:,} facts, the checkpoint to reach up to {now.size:,}: it is the"
            " newer one."
        )
    return note, held


def members(
    log: Log, contents: Contents, advanced: Advanced = lambda _done, _all: None
) -> Iterator[Member]:
    """The files of the bag in order. Raises InvalidProof for a position or size not there: what
    can be said beforehand is, not after all facts were written."""
    size = contents.checkpoint.size
    if contents.previous is not None and contents.previous[1].size > size:
        raise InvalidProof(
            f"The earlier checkpoint has {contents.previous[1].size:,} facts, the one to reach up"
            f" to {size:,}: it is the newer one."
        )
    if not 0 <= contents.after <= size or any(not 0 < n <= size for n in contents.proven):
        raise InvalidProof(f"A log of {size:,} facts has no such position.")
    return bagged(_payload(log, contents, advanced))


def _payload(log: Log, contents: Contents, advanced: Advanced) -> Iterator[Member]:
    """The files, and last what describes them."""
    parts = set()
    for member in _described(log, contents, advanced):
        parts.add(part_of(member.path))
        yield member
    checkpoint, after = contents.checkpoint, contents.after
    yield Member.of(CRATE, crate(checkpoint, after, contents.recorded_at, parts))


def _described(log: Log, contents: Contents, advanced: Advanced) -> Iterator[Member]:
    after, size = contents.after, contents.checkpoint.size
    read = hash_reader(size, log.tiles)
    yield Member(FACTS, log.leaf_bytes(after, size), _facts(log, after, size, advanced))
    yield Member.of(CHECKPOINT, contents.note)
    if contents.previous is not None:
        note, previous = contents.previous
        hashes = consistency_proof(previous.size, size, read)
        yield Member.of(PREVIOUS, note)
        yield Member.of(CONSISTENCY, consistency_text(previous.size, hashes, contents.note))
    yield from _tiles(log, after, size)
    for position in sorted(contents.proven):
        hashes = inclusion_proof(position - 1, size, read)
        proof = Proof(position - 1, tuple(hashes), contents.note)
        yield Member.of(proof_path(position), proof.encode())
    for path, content in contents.files:
        yield Member.of(f"data/{path}", content)


def _facts(log: Log, after: int, size: int, advanced: Advanced) -> Iterator[bytes]:
    """Lines, a batch of positions at a time: where facts were deleted, the rest still comes."""
    for start in range(after, size, BATCH_FACTS):
        yield b"".join([leaf + b"\n" for leaf in log.leaves(start, BATCH_FACTS, size)])
        advanced(min(start + BATCH_FACTS, size) - after, size - after)


def _tiles(log: Log, after: int, size: int) -> Iterator[Member]:
    """The right edge of the tree before a range, and the tiles that its facts begin."""
    begun = [-(-(after >> height) // WIDTH) for height in TILE_HEIGHTS]
    wanted = [
        *right_edge(after),
        *(tile for tile in tiles_of(size) if tile.index >= begun[tile.level]),
    ]
    for at in range(0, len(wanted), BATCH_TILES):
        batch = wanted[at : at + BATCH_TILES]
        contents = log.tiles(batch)
        for tile in batch:
            yield Member.of(f"data/{tile.path}", contents[tile])


def consistency_text(old_size: int, hashes: Sequence[bytes], note: bytes) -> bytes:
    """The body of C2SP tlog-witness's add-checkpoint: a witness takes this file as it is."""
    lines = [f"old {old_size}", *(b64encode(found).decode() for found in hashes), "", ""]
    return "\n".join(lines).encode() + note
