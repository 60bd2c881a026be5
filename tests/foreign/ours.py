"""What we hand out, as a foreign verifier is shown it: a bundle, and the log over HTTP."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import leaf_hash
from ledger.transparency.note import Note
from ledger.transparency.proof import Proof
from ledger.transparency.tiles import entries_of, leaves_of
from ledger.transparency.verifier import consistency_of
from tests.api.running import Client
from tests.foreign.verifiers import Case, Growth, Inclusion


def said_in(note: bytes) -> Checkpoint:
    """Not verified: that is what the verifiers are for."""
    return Checkpoint.parse(Note.parse(note).text)


def of_bundle(folder: Path, vkey: str) -> Case:
    """The files of a bundle with an earlier checkpoint and proofs of published reports."""
    data = folder / "data"
    leaves = (data / "facts.ndjson").read_bytes().splitlines()
    note, previous = (data / "checkpoint").read_bytes(), (data / "checkpoint.prev").read_bytes()
    _, hashes = consistency_of((data / "consistency.txt").read_bytes())
    proofs = [Proof.parse(path.read_bytes()) for path in sorted((data / "proofs").iterdir())]
    return Case(
        vkey,
        said_in(note),
        note,
        [Inclusion(p.leaf_index, leaves[p.leaf_index], p.hashes) for p in proofs],
        [Growth(said_in(previous), previous, hashes)],
        [leaf_hash(leaf) for leaf in leaves],
        read_below(data),
    )


def read_below(folder: Path) -> Callable[[str], bytes | None]:
    return lambda path: (folder / path).read_bytes() if (folder / path).is_file() else None


def of_service(reader: Client, held: bytes, vkey: str, positions: list[int]) -> Case:
    """What a running service answers whoever holds a checkpoint from before."""

    def fetched(path: str) -> bytes | None:
        answer = reader.get(f"/{path}")
        return answer.body if answer.status == 200 else None

    note, old = fetched("checkpoint") or b"", said_in(held)
    checkpoint = said_in(note)
    leaves = [
        leaf
        for entries in entries_of(checkpoint.size)
        for leaf in leaves_of(fetched(entries.path) or b"", entries)
    ]
    proofs = [Proof.parse(fetched(f"v1/proofs/{n}.tlog-proof") or b"") for n in positions]
    grown = reader.get(f"/v1/proofs/consistency?from={old.size}&to={checkpoint.size}").json()
    return Case(
        vkey,
        checkpoint,
        note,
        [Inclusion(p.leaf_index, leaves[p.leaf_index], p.hashes) for p in proofs],
        [Growth(old, held, [bytes.fromhex(found) for found in grown["hashes"]])],
        [leaf_hash(leaf) for leaf in leaves],
        fetched,
    )
