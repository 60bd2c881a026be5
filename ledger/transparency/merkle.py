"""The Merkle tree of RFC 6962 and RFC 9162, section 2.1: roots, proofs, and how they are checked.

A node is a perfect subtree: (height, index) covers the leaves from index * 2^height up to, not
including, (index + 1) * 2^height. Leaves count from 0; all hashes are SHA-256, 32 bytes. Pure.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import pairwise
from typing import Final, NamedTuple

HASH_BYTES: Final = 32
SIZE_MAX: Final = 2**63 - 1
EMPTY_ROOT: Final = sha256(b"").digest()

Node = tuple[int, int]
HashReader = Callable[[Sequence[Node]], Sequence[bytes]]
"""Hands out the hashes of perfect subtrees, in the order asked. Asked once per proof."""


class InvalidProof(Exception):
    """A proof that does not show what it claims; the text says why."""


def leaf_hash(leaf: bytes) -> bytes:
    """SHA-256(0x00 || leaf). RFC 9162, section 2.1.1."""
    return sha256(b"\x00" + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right). RFC 9162, section 2.1.1."""
    return sha256(b"\x01" + left + right).digest()


# Building


class Frontier(NamedTuple):
    """A tree's right edge: the perfect subtrees its leaves fall into, largest first.

    All that is needed to go on: one hash for each 1 among the binary digits of the size.
    """

    size: int = 0
    hashes: tuple[bytes, ...] = ()

    def root(self) -> bytes:
        """The tree's root; SHA-256 of nothing for the empty tree."""
        return root_of(self.hashes)

    def extended(
        self, leaf_hashes: Sequence[bytes], heights: Iterable[int] = ()
    ) -> tuple["Frontier", dict[int, Sequence[bytes]]]:
        """The frontier after more leaves, and the nodes of the wanted heights that they complete.

        Level by level, each in one tight loop: about a million leaves a second.
        """
        wanted = frozenset(heights)
        completed: dict[int, Sequence[bytes]] = {}
        edge = list(self.hashes)  # the smallest last, so that `pop` takes the lowest level's
        kept: list[bytes] = []
        row: Sequence[bytes] = leaf_hashes
        height = 0
        while row or edge:
            if height in wanted and row:
                completed[height] = row
            if self.size >> height & 1:
                row = [edge.pop(), *row]
            if len(row) % 2:
                kept.append(row[-1])
            row = [
                sha256(b"\x01" + left + right).digest()
                for left, right in zip(row[::2], row[1::2], strict=False)
            ]
            height += 1
        return Frontier(self.size + len(leaf_hashes), tuple(reversed(kept))), completed


def root_of(parts: Sequence[bytes]) -> bytes:
    """The root over neighbouring perfect subtrees, largest first: folded from the right."""
    if not parts:
        return EMPTY_ROOT
    *others, root = parts
    for part in reversed(others):
        root = node_hash(part, root)
    return root


# Proving


def perfect_nodes(start: int, end: int) -> list[Node]:
    """The perfect subtrees that leaves [start, end) fall into, largest first.

    `start` is where a subtree of the tree starts, so that each part is perfect.
    """
    nodes = []
    while start < end:
        height = (end - start).bit_length() - 1
        nodes.append((height, start >> height))
        start += 1 << height
    return nodes


def inclusion_proof(leaf_index: int, tree_size: int, read: HashReader) -> list[bytes]:
    """The hashes beside a leaf's way up to the root, lowest first. RFC 9162, section 2.1.3.1.

    Raises InvalidProof where there is no such leaf.
    """
    _demand_leaf(leaf_index, tree_size)
    start, end, ranges = 0, tree_size, []
    while end - start > 1:
        middle = _split(start, end)
        if leaf_index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return _roots(ranges[::-1], read)


def consistency_proof(old_size: int, new_size: int, read: HashReader) -> list[bytes]:
    """What shows that a tree grew from a smaller one, lowest first. RFC 9162, section 2.1.4.1.

    Empty for two trees of one size, and from the empty tree. Raises InvalidProof for sizes that
    shrink.
    """
    _demand_growth(old_size, new_size)
    if old_size == 0:
        return []
    start, end, ranges = 0, new_size, []
    while end != old_size:
        middle = _split(start, end)
        if old_size <= middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:  # else the old tree is a subtree of the new one, and its root is known
        ranges.append((start, end))
    return _roots(ranges[::-1], read)


def _split(start: int, end: int) -> int:
    """Where a tree's left subtree ends: the largest power of two below its size."""
    return start + (1 << (end - start - 1).bit_length() - 1)


def _roots(ranges: Sequence[tuple[int, int]], read: HashReader) -> list[bytes]:
    """The root over each range, from one reading."""
    nodes = [perfect_nodes(start, end) for start, end in ranges]
    hashes = read([node for part in nodes for node in part])
    ends = [0]
    for part in nodes:
        ends.append(ends[-1] + len(part))
    return [root_of(hashes[start:end]) for start, end in pairwise(ends)]


# Checking


def verify_inclusion(
    leaf: bytes, leaf_index: int, tree_size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Raises InvalidProof unless a leaf hash is the tree's at that index. RFC 9162, 2.1.3.2."""
    _demand_leaf(leaf_index, tree_size)
    _demand_hashes([leaf, *proof, root])
    found = leaf
    for sibling, is_left in _climb(leaf_index, tree_size - 1, proof):
        found = node_hash(sibling, found) if is_left else node_hash(found, sibling)
    if found != root:
        raise InvalidProof(
            f"Leaf {leaf_index} leads to the root {found.hex()}, not to {root.hex()}."
        )


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Raises InvalidProof unless the new tree starts with the old one. RFC 9162, 2.1.4.2."""
    _demand_growth(old_size, new_size)
    _demand_hashes([old_root, new_root, *proof])
    if old_size in {0, new_size}:
        _demand_same(old_size, old_root, EMPTY_ROOT if old_size == 0 else new_root, proof)
        return
    if old_size & (old_size - 1) == 0:
        proof = [old_root, *proof]  # the old tree is perfect: a node of the new one
    if not proof:
        raise InvalidProof("The proof is empty, and these sizes differ.")
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = proof[0]
    for sibling, is_left in _climb(at, last, proof[1:]):
        if is_left:
            old, new = node_hash(sibling, old), node_hash(sibling, new)
        else:
            new = node_hash(new, sibling)
    if old != old_root:
        raise InvalidProof(f"The first {old_size} leaves are not those of {old_root.hex()}.")
    if new != new_root:
        raise InvalidProof(f"The proof leads to {new.hex()}, not to {new_root.hex()}.")


def _climb(at: int, last: int, proof: Sequence[bytes]) -> Iterator[tuple[bytes, bool]]:
    """The siblings on the way up from node `at` of a level whose last node is `last`.

    Each with whether it stands to the left. Raises InvalidProof where the proof is too short or
    too long.
    """
    for sibling in proof:
        if last == 0:
            raise InvalidProof("The proof has more hashes than the tree has levels.")
        is_left = bool(at & 1) or at == last
        yield sibling, is_left
        while is_left and not at & 1 and at:  # the last node of a level may have no sibling there
            at, last = at >> 1, last >> 1
        at, last = at >> 1, last >> 1
    if last:
        raise InvalidProof("The proof has fewer hashes than the way to the root has levels.")


def _demand_same(size: int, found: bytes, root: bytes, proof: Sequence[bytes]) -> None:
    if proof:
        raise InvalidProof("Between these sizes the proof is empty, and this one is not.")
    if found != root:
        raise InvalidProof(f"At size {size} the root is {root.hex()}, not {found.hex()}.")


def _demand_leaf(leaf_index: int, tree_size: int) -> None:
    if not 0 <= leaf_index < tree_size <= SIZE_MAX:
        raise InvalidProof(f"A tree of {tree_size} leaves has no leaf {leaf_index}.")


def _demand_growth(old_size: int, new_size: int) -> None:
    if not 0 <= old_size <= new_size <= SIZE_MAX:
        raise InvalidProof(f"A tree does not grow from {old_size} to {new_size} leaves.")


def _demand_hashes(hashes: Iterable[bytes]) -> None:
    if any(len(found) != HASH_BYTES for found in hashes):
        raise InvalidProof(f"A hash has {HASH_BYTES} bytes.")
