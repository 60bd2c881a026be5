"""Verify an audit bundle offline: python -m ledger.transparency.verify BUNDLE --key VKEY.

Needs the key, which must not come from where the bundle comes from, and nothing else: no database,
no network, no part of the service but the few pure modules named below. The steps are those of
docs/verifying.md. Nothing is valid by default: a step that could not be taken is one that failed.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

from ledger.transparency import bag as bags
from ledger.transparency.agreeing import Agreement
from ledger.transparency.bag import CHECKPOINT, CONSISTENCY, FACTS, PREVIOUS, PROOFS, REPORTS, TILES
from ledger.transparency.checkpoint import Checkpoint, opened
from ledger.transparency.leaves import (
    LEAF_BYTES_MAX,
    Broken,
    Hashed,
    Published,
    check_all,
    hash_all,
    lines,
    read,
)
from ledger.transparency.merkle import Frontier, InvalidProof, perfect_nodes, verify_consistency
from ledger.transparency.note import InvalidNote, VerifierKey, strict_base64
from ledger.transparency.outcome import INVALID, Step, Steps
from ledger.transparency.proof import Proof
from ledger.transparency.tiles import NoTile, Tile, hash_reader, parse, right_edge


class Keys(NamedTuple):
    """The keys given from outside. All are of one log: their name is its origin."""

    origin: str
    keys: tuple[VerifierKey, ...]

    @classmethod
    def parse(cls, given: Sequence[str]) -> "Keys":
        """From verifier keys, or files that hold one a line. Raises InvalidNote, OSError."""
        if not given:
            raise InvalidNote(
                "No key was given, and without one nobody knows whose log this is: --key VKEY. Get"
                " the key from the operator on another way than the bundle."
            )
        keys = tuple(VerifierKey.parse(text) for text in _key_texts(given))
        names = sorted({key.name for key in keys})
        if len(names) != 1:
            raise InvalidNote(f"The keys are of several logs: {', '.join(names) or 'none'}.")
        return cls(names[0], keys)

    def open(self, note: bytes) -> Checkpoint:
        """The checkpoint in a note. Raises InvalidNote unless one of these keys signed it."""
        return opened(note, self.keys, self.origin)


def _key_texts(given: Sequence[str]) -> Iterator[str]:
    for text in given:
        if text.startswith("PRIVATE+KEY+") or "PRIVATE KEY" in text:
            raise InvalidNote("This is a private key. Keep it secret; give the verifier key.")
        if "+" in text or not Path(text).is_file():
            yield text.strip()
        else:
            yield from _key_texts(Path(text).read_text("utf-8", "replace").split())


Recount = Callable[["Verifier"], tuple[bool | None, int, str]]
"""Step 6, which needs a second engine for figures: `clusterledger verify` brings it."""


def _left_out(_: "Verifier") -> tuple[bool | None, int, str]:
    return None, 0, "Figures are recomputed by `clusterledger verify`, not by this module alone."


class Verifier:
    """One verification of one bundle, step after step; later steps use what earlier ones found."""

    def __init__(
        self, bag: bags.Bag, steps: Steps, keys: Sequence[str], held: bytes | None
    ) -> None:
        self.bag = bag
        self.steps = steps
        self._given_keys = keys
        self._held_note = held
        self.keys: Keys | None = None
        self.checkpoint: Checkpoint | None = None
        self.published: list[Published] = []
        self.after = 0
        """The position before the bundle's first fact: more than 0 in a bundle of a range."""
        self._held: Checkpoint | None = None
        self._previous: Checkpoint | None = None
        self._hashed: Hashed | None = None
        self._proofs: dict[str, Proof] = {}

    def run(self, recount: Recount | None = None) -> None:
        """Every step on a bundle."""
        self.steps.take(1, "manifest", "files", self._manifest)
        self.run_on_log(recount)

    def run_on_log(self, recount: Recount | None = None) -> None:
        """Every step on what is no bundle, and has no manifest."""
        self.steps.take(2, "checkpoint", "notes", self._signatures)
        self.steps.take(3, "hashes", "facts", self._hash)
        self.steps.take(4, "consistency", "checkpoints", self._consistency)
        self.steps.take(5, "order", "facts", self._order)
        self.steps.take(6, "figures", "reports", lambda: (recount or _left_out)(self))
        self.steps.take(7, "reports", "reports", self._reports)

    # 1

    def _manifest(self) -> tuple[bool, int, str]:
        """Every file is as listed, none is missing, none is there besides."""
        listed, total = set(), 0
        for path, digest in self.bag.manifest():
            if self.bag.digest(path) != digest:
                raise bags.InvalidBag(f"{path} is not the file that {bags.MANIFEST} lists.")
            listed.add(path)
            total += self.bag.sizes[path]
        for path in sorted(self.bag.sizes.keys() - listed - {bags.DECLARATION, bags.MANIFEST}):
            raise bags.InvalidBag(f"{path} is there, and {bags.MANIFEST} does not list it.")
        return True, len(listed), f"{total:,} bytes."

    # 2

    def _signatures(self) -> tuple[bool, int, str]:
        """The checkpoint is signed with the key from outside, for this log; earlier ones too."""
        self.keys = keys = Keys.parse(self._given_keys)
        self.checkpoint = found = keys.open(self.bag.small(CHECKPOINT))
        if self._held_note is not None:
            self._held = keys.open(self._held_note)
        if PREVIOUS in self.bag.sizes or CONSISTENCY in self.bag.sizes:
            self._previous = keys.open(self.bag.small(PREVIOUS))
        notes = [note for note in (found, self._held, self._previous) if note is not None]
        said = f"{found.origin} has {found.size:,} facts, root {found.root.hex()}."
        return True, len(notes), said

    def _known(self) -> tuple[Keys, Checkpoint]:
        if self.keys is None or self.checkpoint is None:
            raise InvalidNote("Cannot be checked without a checkpoint that step 2 accepted.")
        return self.keys, self.checkpoint

    # 3

    def _hash(self) -> tuple[bool, int, str]:
        """Every fact hashed up to the root that is signed; the tiles hold the same hashes."""
        _, checkpoint = self._known()
        self.after = self._first_position() - 1
        self._proofs = {path: Proof.parse(self.bag.small(path)) for path in self.bag.below(PROOFS)}
        tiles = Agreement(self._tiles(), self._tile)
        with self.bag.open(FACTS) as file:
            self._hashed = hash_all(
                lines(file, self.after),
                self._before(self.after),
                sizes=[note.size for note in (self._held, self._previous) if note is not None],
                indexes=[proof.leaf_index for proof in self._proofs.values()],
                tile_seen=tiles.seen,
            )
        self._demand_root(self._hashed.frontier, checkpoint, tiles.problem())
        for tile in self._tiles() - tiles.agreed - set(right_edge(self.after)):
            raise NoTile(f"data/{tile.path} is no tile of these facts.")
        agreed = f"They lead to the signed root; {len(tiles.agreed):,} tiles agree."
        return True, checkpoint.size - self.after, agreed

    def _demand_root(self, tree: Frontier, signed: Checkpoint, wrong: Broken | None) -> None:
        """Raises Broken or NoTile unless the facts lead to what is signed, and no tile differs."""
        if tree.size != signed.size:
            end = min(tree.size, signed.size) + 1
            raise Broken(end, f"{tree.size:,} facts are here, {signed.size:,} are signed")
        differs = tree.root() != signed.root
        told = (
            f"The facts lead to the root {tree.root().hex()}, signed is {signed.root.hex()}"
            if differs
            else "The fact leads to the signed root, so the tile is wrong"
        )
        if wrong is not None:
            raise Broken(wrong.position, f"{wrong.what}. {told}")
        if differs:
            raise NoTile(told)

    def _tiles(self) -> set[Tile]:
        """The tiles in the bundle. Raises NoTile for a file among them that is none."""
        found = (parse(path.removeprefix("data/")) for path in self.bag.below(TILES))
        return {tile for tile in found if isinstance(tile, Tile)}

    def _tile(self, tile: Tile) -> bytes:
        return self.bag.small(f"data/{tile.path}")

    def _first_position(self) -> int:
        """Where the bundle begins: at 1, or within a range that brings the tree before it."""
        _, checkpoint = self._known()
        with self.bag.open(FACTS) as file:
            line = file.readline(2 * LEAF_BYTES_MAX).removesuffix(b"\n")
        try:
            first = read(line).position if line else checkpoint.size + 1
        except (ValueError, RecursionError):
            return 1  # step 5 says what is wrong with it
        if not 1 < first <= checkpoint.size + 1:
            return 1
        edge = (f"data/{tile.path}" for tile in right_edge(first - 1))
        return first if all(path in self.bag.sizes for path in edge) else 1

    def _before(self, size: int) -> Frontier:
        """The tree before a range, from its tiles."""
        read_nodes = hash_reader(size, lambda tiles: {tile: self._tile(tile) for tile in tiles})
        return Frontier(size, tuple(read_nodes(perfect_nodes(0, size))))

    # 4

    def _consistency(self) -> tuple[bool | None, int, str]:
        """What the auditor held before is what this log begins with."""
        _, checkpoint = self._known()
        if self._hashed is None:
            raise InvalidProof("Cannot be checked: step 3 did not reach the end of the facts.")
        notes = 0
        if self._previous is not None:
            self._extends(self._previous, checkpoint, PREVIOUS)
            self._proven(self._previous, checkpoint)
            notes += 1
        if self._held is None:
            return (
                None,
                notes,
                (
                    "No earlier checkpoint was given (--checkpoint FILE): that nothing was removed"
                    " or changed since one you held is not shown."
                ),
            )
        self._extends(self._held, checkpoint, "the checkpoint you held")
        return True, notes + 1, f"The log begins with the {self._held.size:,} facts you knew."

    def _extends(self, old: Checkpoint, new: Checkpoint, which: str) -> None:
        assert self._hashed is not None
        if old.size > new.size:
            raise InvalidProof(
                f"{which[0].upper()}{which[1:]} has {old.size:,} facts, this bundle's {new.size:,}:"
                " the log was cut, or the bundle is older. Ask for one of today."
            )
        found = self._hashed.roots.get(old.size)
        if found is None:
            found = self._proven(old, new)
        if found != old.root:
            raise InvalidProof(
                f"The first {old.size:,} facts are not those of {which}: its root is"
                f" {old.root.hex()}, theirs is {found.hex()}. History was rewritten."
            )

    def _proven(self, old: Checkpoint, new: Checkpoint) -> bytes:
        """A root before the range, by the proof that the bundle brings."""
        size, hashes = consistency_of(self.bag.small(CONSISTENCY))
        if size != old.size:
            raise InvalidProof(
                f"This bundle begins after position {self.after:,}, and the checkpoint you held is"
                f" of {old.size:,} facts: ask for one with --after {old.size}."
            )
        verify_consistency(old.size, old.root, new.size, new.root, hashes)
        return old.root

    # 5

    def _order(self) -> tuple[bool, int, str]:
        """Positions, times, versions, ids, and the form of each fact."""
        _, checkpoint = self._known()
        with self.bag.open(FACTS) as file:
            found = check_all(lines(file, self.after), self.after, checkpoint.size - self.after)
        self.published = found.published
        checked = found.position - self.after
        which = "Positions, times, versions, ids and bytes are in order."
        if self.after:
            which += f" The bundle begins at position {self.after + 1:,}: ids are unique in it."
        return True, checked, which

    # 7

    def _reports(self) -> tuple[bool, int, str]:
        """Every report in the bundle was published in the log; every proof holds."""
        keys, _ = self._known()
        if self._hashed is None:
            raise InvalidProof("Cannot be checked: step 3 did not reach the end of the facts.")
        for path, proof in self._proofs.items():
            leaf = self._hashed.leaves.get(proof.leaf_index)
            if leaf is None:
                raise InvalidProof(f"{path} is of position {proof.leaf_index + 1:,}, not in here.")
            try:
                proof.verify(leaf, keys.keys, keys.origin)
            except (InvalidNote, InvalidProof) as error:
                raise InvalidProof(f"{path}: {error}") from error
        proven = {proof.leaf_index + 1 for proof in self._proofs.values()}
        reports = [p for p in self.bag.below(REPORTS) if p.endswith("/report.json")]
        for path in reports:
            self._published_as(path, proven)
        return True, len(reports), f"Published in the log; {len(self._proofs):,} proofs hold."

    def _published_as(self, path: str, proven: set[int]) -> None:
        digest = sha256(self.bag.small(path)).hexdigest()
        name = path.split("/")[2]
        facts = [fact for fact in self.published if (fact.report, fact.sha256) == (name, digest)]
        if not facts:
            raise InvalidProof(f"{path}: no fact of the log published {name} with digest {digest}.")
        if not any(fact.position in proven for fact in facts):
            raise InvalidProof(f"{path}: the proof of position {facts[0].position:,} is missing.")


def consistency_of(raw: bytes) -> tuple[int, list[bytes]]:
    """(old size, hashes) of data/consistency.txt: `old N`, a hash a line, as C2SP tlog-witness has
    it. Raises InvalidProof, InvalidNote.
    """
    first, *rest = raw.decode("ascii", "replace").split("\n")
    size = first.removeprefix("old ")
    if not size.isdecimal() or str(int(size)) != size or first == size or "" not in rest:
        raise InvalidProof(f"{CONSISTENCY} does not begin with 'old SIZE' and hashes.")
    return int(size), [strict_base64(line) for line in rest[: rest.index("")]]


@contextmanager
def verified(
    path: Path,
    keys: Sequence[str],
    held: Path | None,
    told: Callable[[Step], object],
    recount: Recount | None = None,
) -> Iterator[Verifier]:
    """A verifier that took its steps, its bag still open. Raises INVALID."""
    note = None if held is None else held.read_bytes()
    with bags.opened(path) as bag:
        verifier = Verifier(bag, Steps(told), keys, note)
        verifier.run(recount)
        yield verifier


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Exit code 0: valid; 1: not valid; 2: the question could not be put."""
    parser = argparse.ArgumentParser(
        prog="python -m ledger.transparency.verify", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("bundle", type=Path, help="the bundle: a folder or a tar")
    parser.add_argument("--key", action="append", default=[], help="verifier key, or its file")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint held from before")
    parser.add_argument("--json", action="store_true", help="for machines: one JSON object")
    given = parser.parse_args(arguments)

    def say(text: object) -> None:
        if not given.json:
            print(text, flush=True)

    try:
        with verified(given.bundle, given.key, given.checkpoint, say) as verifier:
            steps = verifier.steps
    except INVALID as error:
        print(f"NOT VALID. {error}", file=sys.stderr)
        return 2
    say(steps.verdict)
    if given.json:
        print(json.dumps(steps.json()))
    return 0 if steps.valid else 1


if __name__ == "__main__":
    sys.exit(main())
