"""The steps of a verification, one method each. Pure; `verify` opens the bundle and tells.

Later steps use what earlier ones found. The steps are those of docs/verifying.md. Nothing is valid
by default: a step that could not be taken is one that failed.
"""

from collections.abc import Callable, Sequence
from functools import partial
from hashlib import sha256
from typing import Final, Protocol

from ledger.transparency.agreeing import Agreement
from ledger.transparency.bag import (
    CHECKPOINT,
    CONSISTENCY,
    CRATE,
    DECLARATION,
    FACTS,
    MANIFEST,
    PREVIOUS,
    PROOFS,
    REPORTS,
    TILES,
    Bag,
    InvalidBag,
)
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.contents import (
    consistency_of,
    crate,
    demand_known,
    part_of,
    proven_position,
)
from ledger.transparency.definitions import demand_definitions
from ledger.transparency.hashes import Hashed, hash_all
from ledger.transparency.keys import NO_KEY, Keys
from ledger.transparency.leaves import (
    LEAF_BYTES_MAX,
    Broken,
    Published,
    Read,
    blocks,
    check_all,
    read,
)
from ledger.transparency.merkle import Frontier, InvalidProof, perfect_nodes, verify_consistency
from ledger.transparency.note import InvalidNote
from ledger.transparency.outcome import Scope, Steps, Taken, unasked
from ledger.transparency.proof import demand_included
from ledger.transparency.tiles import (
    NoTile,
    Tile,
    begun_after,
    hash_reader,
    parse,
    right_edge,
    widest,
)

PROOFS_MAX: Final = 1_000
PROOF_BYTES_MAX: Final = 200_000


class Recount(Protocol):
    """Step 6 of a bundle, at work beside the steps before it."""

    def begin(self, verifier: "Verifier") -> None:
        """Called before step 1, where the checkpoint is signed: what takes long may begin."""

    def __call__(self, verifier: "Verifier") -> Taken:
        """The step itself."""


FIGURES_ELSEWHERE: Final = unasked("Figures are recomputed by `clusterledger verify` alone.")
WITHOUT_KEY: Final = unasked("Cannot be checked without a key.")


class Verifier:
    """One verification of one bundle, step after step; later steps use what earlier ones found."""

    def __init__(
        self,
        bag: Bag,
        steps: Steps,
        keys: Sequence[str],
        held: bytes | None,
        *,
        after: int | None = None,
    ) -> None:
        """`after`: which position the facts are expected to begin after, at the latest. None: at
        the start, or where a checkpoint that is held goes up to."""
        self.bag = bag
        self.steps = steps
        self._given_keys = keys
        self._held_note = held
        self._asked_after = after
        self._sealed = False
        self.keys: Keys | None = None
        self.checkpoint: Checkpoint | None = None
        self.after = 0
        """The position before the bundle's first fact: more than 0 in a bundle of a range."""
        self._held: Checkpoint | None = None
        self._previous: Checkpoint | None = None
        self._hashed: Hashed | None = None
        self._read: Read | None = None

    @property
    def published(self) -> list[Published]:
        """The last publication of each report and those with a proof, once step 5 found them."""
        return [] if self._read is None else self._read.published

    def run(self, recount: Recount | None = None) -> None:
        """Every step on a bundle."""
        self._sealed = True
        if recount is not None and self._is_signed():
            recount.begin(self)
        self.steps.take(1, "manifest", "files", self._manifest)
        self.run_on_log(recount)

    def run_on_log(self, recount: Callable[["Verifier"], Taken] | None = None) -> None:
        """Every step on what is no bundle: it has no manifest, nothing that was filed with it."""
        self.steps.take(2, "checkpoint", "notes", self._signatures)
        figures = FIGURES_ELSEWHERE if recount is None else partial(recount, self)
        for number, name, unit, work in (
            (3, "hashes", "facts", self._hash),
            (4, "consistency", "checkpoints", self._consistency),
            (5, "order", "facts", self._order),
            (6, "figures", "reports", figures),
            (7, "reports", "reports", self._reports),
        ):
            self.steps.take(number, name, unit, work if self._given_keys else WITHOUT_KEY)

    # 1

    def _manifest(self) -> Taken:
        """Every file is as listed, none is missing, none is there besides, all are known."""
        total = 0
        for path, digest in self.bag.manifest():
            if self.bag.digest(path) != digest:
                raise InvalidBag(f"{path} is not the file that {MANIFEST} lists.")
            demand_known(path)
            total += self.bag.sizes[path]
            self.steps.checked += 1
        tags = {DECLARATION, MANIFEST}
        if self.steps.checked + len(tags) != len(self.bag.sizes):
            listed = {path for path, _ in self.bag.manifest()}
            besides = min(self.bag.sizes.keys() - listed - tags)
            raise InvalidBag(f"{besides} is there, and {MANIFEST} does not list it.")
        return True, self.steps.checked, f"{total:,} bytes."

    # 2

    def _is_signed(self) -> bool:
        """Whether step 2 is going to pass; it says itself what is wrong."""
        quietly = Steps(lambda _: None)
        quietly.take(2, "checkpoint", "notes", self._signatures)
        return quietly.taken[0].ok is True

    def _signatures(self) -> Taken:
        """The checkpoint is signed with the key from outside, for this log; earlier ones too."""
        if not self._given_keys:
            return None, 0, NO_KEY
        self.keys = keys = Keys.parse(self._given_keys)
        self.checkpoint = found = keys.open(self.bag.small(CHECKPOINT), CHECKPOINT)
        if self._held_note is not None:
            self._held = keys.open(self._held_note, "the checkpoint you held")
        if PREVIOUS in self.bag.sizes or CONSISTENCY in self.bag.sizes:
            self._previous = keys.open(self.bag.small(PREVIOUS), PREVIOUS)
        notes = [note for note in (found, self._held, self._previous) if note is not None]
        root = found.root.hex()
        return True, len(notes), f"{found.origin} has {found.size:,} facts, root {root}."

    def _known(self) -> tuple[Keys, Checkpoint]:
        if self.keys is None or self.checkpoint is None:
            raise InvalidNote("Cannot be checked without a checkpoint that step 2 accepted.")
        return self.keys, self.checkpoint

    # 3

    def _hash(self) -> Taken:
        """Every fact hashed up to the root that is signed; the tiles hold the same hashes."""
        _, checkpoint = self._known()
        self.after = self._begins_after()
        self._demand_asked(checkpoint)
        tiles = Agreement(checkpoint.size, self._has_tile, self._tile)
        with self.bag.open(FACTS) as file:
            self._hashed = hash_all(
                blocks(file, self._position),
                self._before(self.after),
                sizes=[note.size for note in (self._held, self._previous) if note is not None],
                indexes=[position - 1 for position in self._proven()],
                tile_seen=tiles.seen,
                told=self._checked,
            )
        self._demand_root(self._hashed.frontier, checkpoint, tiles)
        self._demand_no_other_tile(checkpoint.size, tiles.agreed)
        self.steps.scope = Scope(self.after, checkpoint.size)
        said = f"They lead to the signed root; {tiles.agreed:,} tiles agree."
        return True, checkpoint.size - self.after, said

    def _checked(self, number: int) -> None:
        self.steps.checked += number

    def _position(self) -> int:
        return self.after + self.steps.checked

    def _demand_asked(self, checkpoint: Checkpoint) -> None:
        """Raises Broken for a part of the log where all of it was to be expected: a bundle whose
        first facts were removed looks the same."""
        held = 0 if self._held is None else self._held.size
        expected = held if self._asked_after is None else max(self._asked_after, 0)
        if self.after <= expected:
            return
        what = f"facts {expected + 1:,} to {self.after:,} of {checkpoint.size:,} are not here"
        if self._asked_after is None:
            what += (
                ". If you asked for a part of the log, give the checkpoint that it follows on"
                f" (--checkpoint FILE), or say so: --after {self.after}. Else ask for the whole"
            )
        raise Broken(expected + 1, what)

    def _demand_root(self, tree: Frontier, signed: Checkpoint, tiles: Agreement) -> None:
        """Raises Broken or NoTile unless the facts lead to what is signed, and no tile differs."""
        as_signed = tree.size == signed.size and tree.root() == signed.root
        wrong = tiles.problem(missing=as_signed)
        if as_signed and wrong is None:
            return
        if as_signed:
            told = "The fact leads to the signed root, so the tile is wrong"
        elif tree.size != signed.size:
            told = f"{tree.size:,} facts are here, {signed.size:,} are signed"
            wrong = wrong or Broken(min(tree.size, signed.size) + 1, "")
        else:
            told = f"The facts lead to the root {tree.root().hex()}, signed is {signed.root.hex()}"
        if wrong is None:
            raise NoTile(told)
        raise Broken(wrong.position, f"{wrong.what}. {told}" if wrong.what else told)

    def _demand_no_other_tile(self, size: int, agreed: int) -> None:
        """Raises NoTile for one that neither the facts make nor the tree before them has."""
        edge = set(right_edge(self.after))
        if sum(1 for _ in self.bag.below(TILES)) == agreed + len(edge):
            return
        for path in sorted(self.bag.below(TILES)):
            tile = parse(path.removeprefix("data/"))
            made = isinstance(tile, Tile) and begun_after(tile, self.after) and widest(tile, size)
            if not made and tile not in edge:
                raise NoTile(f"{path} is no tile of these facts.")

    def _has_tile(self, tile: Tile) -> bool:
        return f"data/{tile.path}" in self.bag.sizes

    def _tile(self, tile: Tile) -> bytes:
        return self.bag.small(f"data/{tile.path}", PROOF_BYTES_MAX)

    def _begins_after(self) -> int:
        """Position before the first fact: 0, or within a range that brings the tree before it."""
        _, checkpoint = self._known()
        with self.bag.open(FACTS) as file:
            line = file.readline(2 * LEAF_BYTES_MAX).removesuffix(b"\n")
        try:
            first = read(line).position if line else checkpoint.size + 1
        except (ValueError, RecursionError):
            return 0  # step 5 says what is wrong with it
        if not 1 < first <= checkpoint.size + 1:
            return 0
        return first - 1 if all(self._has_tile(tile) for tile in right_edge(first - 1)) else 0

    def _before(self, size: int) -> Frontier:
        """The tree before a range, from its tiles."""
        read_nodes = hash_reader(size, lambda tiles: {tile: self._tile(tile) for tile in tiles})
        return Frontier(size, tuple(read_nodes(perfect_nodes(0, size))))

    # 4

    def _consistency(self) -> Taken:
        """What the auditor held before is what this log begins with."""
        _, checkpoint = self._known()
        if self._hashed is None:
            raise InvalidProof("Cannot be checked: step 3 did not reach the end of the facts.")
        notes = 0
        if self._previous is not None:
            self._extends(self._previous, checkpoint, PREVIOUS)
            self._grown_from(self._previous, checkpoint)
            notes += 1
        if self._held is None:
            left_open = (
                "No earlier checkpoint was given (--checkpoint FILE): that nothing was removed or"
                " changed since one you held is not shown."
            )
            return None, notes, left_open
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
            found = self._grown_from(old, new)
        if found != old.root:
            raise InvalidProof(
                f"The first {old.size:,} facts are not those of {which}: its root is"
                f" {old.root.hex()}, theirs is {found.hex()}. History was rewritten."
            )

    def _grown_from(self, old: Checkpoint, new: Checkpoint) -> bytes:
        """A root before the range, by the proof that the bundle brings."""
        size, hashes = consistency_of(self.bag.small(CONSISTENCY, PROOF_BYTES_MAX))
        if size != old.size:
            raise InvalidProof(
                f"{CONSISTENCY} is of the growth from {size:,} facts, not from {old.size:,}: ask"
                " for a bundle made with --since that checkpoint."
            )
        try:
            verify_consistency(old.size, old.root, new.size, new.root, hashes)
        except InvalidProof as error:
            raise InvalidProof(f"{CONSISTENCY}: {error}") from error
        return old.root

    # 5

    def _order(self) -> Taken:
        """Positions, times, versions, ids, and the form of each fact."""
        self._known()
        try:
            with self.bag.open(FACTS) as file:
                facts = blocks(file, self._position)
                self._read = check_all(facts, self.after, self._proven(), self._checked)
        except Broken as broken:  # found while a block was read, or after all of them
            self.steps.checked = max(self.steps.checked, broken.position - self.after - 1)
            raise
        which = "Positions, times, versions, ids and bytes are in order."
        if self.after:
            which += f" The bundle begins at position {self.after + 1:,}: ids are unique in it."
        return True, self._read.position - self.after, which

    # 7

    def _reports(self) -> Taken:
        """Every report in the bundle was published in the log, by the definitions beside it; every
        proof holds; the description is of this bundle."""
        keys, checkpoint = self._known()
        if self._hashed is None:
            raise InvalidProof("Cannot be checked: step 3 did not reach the end of the facts.")
        proven = self._proven()
        for position, path in proven.items():
            self._holds(keys, self._hashed, position, path)
        folders = sorted({path.rpartition("/")[0] for path in self.bag.below(REPORTS)})
        for folder in folders:
            self._published_as(folder, set(proven))
            self.steps.checked += 1
        if self._sealed:
            self._describes(checkpoint)
        return True, len(folders), f"Published in the log; proofs that hold: {len(proven):,}."

    def _proven(self) -> dict[int, str]:
        """The path of each proof by the position it is named after. Raises InvalidBag."""
        paths = sorted(self.bag.below(PROOFS))
        if len(paths) > PROOFS_MAX:
            raise InvalidBag(f"There are {len(paths):,} proofs; a bundle has some dozens.")
        return {proven_position(path): path for path in paths}

    def _holds(self, keys: Keys, hashed: Hashed, position: int, path: str) -> None:
        leaf = hashed.leaves.get(position - 1)
        if leaf is None:
            raise InvalidProof(f"{path} is of position {position:,}, which is not in here.")
        try:
            raw = self.bag.small(path, PROOF_BYTES_MAX)
            demand_included(raw, position, leaf, keys.keys, keys.origin)
        except (InvalidNote, InvalidProof) as error:
            raise InvalidProof(f"{path}: {error}") from error

    def _published_as(self, folder: str, proven: set[int]) -> None:
        raw = self.bag.small(f"{folder}/report.json")
        name, digest = folder.rpartition("/")[2], sha256(raw).hexdigest()
        facts = [fact for fact in self.published if (fact.report, fact.sha256) == (name, digest)]
        if not facts:
            raise InvalidProof(
                f"{folder}/report.json has the digest {digest}: neither the last fact that"
                f" published {name} nor one with a proof here names it."
            )
        if not any(fact.position in proven for fact in facts):
            position = facts[0].position
            raise InvalidProof(f"{folder}: the proof of position {position:,} is missing.")
        toml, sql = (self.bag.small(f"{folder}/definition.{end}") for end in ("toml", "sql"))
        demand_definitions(folder, raw, toml, sql)

    def _describes(self, checkpoint: Checkpoint) -> None:
        if self._read is None:
            raise InvalidBag(f"{CRATE} cannot be checked: step 5 did not reach the end.")
        others = (path for path in self.bag.sizes if path.startswith("data/") and path != CRATE)
        parts = {part_of(path) for path in others}
        if self.bag.small(CRATE) != crate(checkpoint, self.after, self._read.recorded_at, parts):
            raise InvalidBag(f"{CRATE} does not describe this bundle: it was changed.")
