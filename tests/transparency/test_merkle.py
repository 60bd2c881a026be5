"""The tree against RFC 6962 taken word by word, at the sizes where trees change their shape."""

from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.transparency.merkle import (
    EMPTY_ROOT,
    SIZE_MAX,
    Frontier,
    InvalidProof,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from tests.transparency import naive
from tests.transparency.growing import Grown, numbered

SIZES = (0, 1, 2, 3, 255, 256, 257, 1_000, 65_535, 65_536, 65_537)
LARGE = Grown(numbered(65_537))
ROOTS = {size: Grown(numbered(size)).frontier.root() for size in SIZES}


def some_leaves(size: int) -> list[int]:
    """Both ends, the edges of tiles, and one in the middle."""
    return sorted(
        {i for i in (0, 1, 254, 255, 256, size // 2, size - 2, size - 1) if 0 <= i < size}
    )


@pytest.mark.parametrize("size", [size for size in SIZES if size <= 1_000])
def test_a_root_is_the_one_of_the_definition(size: int) -> None:
    assert ROOTS[size] == naive.mth(numbered(size))


def test_the_root_of_a_large_tree_is_the_one_of_the_definition() -> None:
    assert LARGE.frontier.root() == naive.mth(numbered(65_537))


def test_the_root_of_no_leaves_is_the_hash_of_nothing() -> None:
    assert Frontier().root() == EMPTY_ROOT == naive.mth([])


@given(st.lists(st.integers(0, 40), max_size=12))
def test_a_tree_is_the_same_however_its_leaves_came(parts: list[int]) -> None:
    leaves = numbered(sum(parts))
    hashes = [leaf_hash(leaf) for leaf in leaves]
    frontier, at = Frontier(), 0
    for part in parts:
        frontier, _ = frontier.extended(hashes[at : at + part])
        at += part
        assert frontier.size == at
        assert frontier.root() == naive.mth(leaves[:at])


@pytest.mark.parametrize("size", SIZES)
def test_every_size_has_inclusion_proofs(size: int) -> None:
    for index in some_leaves(size):
        leaf = leaf_hash(b"leaf %d" % index)
        proof = inclusion_proof(index, size, LARGE.reader(size))
        verify_inclusion(leaf, index, size, proof, ROOTS[size])
        with pytest.raises(InvalidProof):
            verify_inclusion(leaf_hash(b"other"), index, size, proof, ROOTS[size])


@pytest.mark.parametrize("new", SIZES)
def test_every_two_sizes_have_a_consistency_proof(new: int) -> None:
    for old in (size for size in SIZES if size <= new):
        proof = consistency_proof(old, new, LARGE.reader(new))
        verify_consistency(old, ROOTS[old], new, ROOTS[new], proof)
        with pytest.raises(InvalidProof):
            verify_consistency(old, os.urandom(32), new, ROOTS[new], proof)


@given(st.data(), st.integers(1, 300))
def test_proofs_are_those_of_the_definition(data: st.DataObject, size: int) -> None:
    leaves = numbered(size)
    index = data.draw(st.integers(0, size - 1))
    old = data.draw(st.integers(1, size))
    assert inclusion_proof(index, size, LARGE.reader(size)) == naive.path(index, leaves)
    assert consistency_proof(old, size, LARGE.reader(size)) == naive.proof(old, leaves)


@given(st.data(), st.integers(1, 300))
def test_an_inclusion_proof_shows_nothing_else(data: st.DataObject, size: int) -> None:
    index = data.draw(st.integers(0, size - 1))
    leaf, root = leaf_hash(b"leaf %d" % index), naive.mth(numbered(size))
    proof = inclusion_proof(index, size, LARGE.reader(size))
    verify_inclusion(leaf, index, size, proof, root)
    changed = [
        *(proof[:at] + proof[at + 1 :] for at in range(len(proof))),
        *([*proof[:at], os.urandom(32), *proof[at + 1 :]] for at in range(len(proof))),
        *([*proof[:at], os.urandom(32), *proof[at:]] for at in range(len(proof) + 1)),
        *([*proof[:at], proof[at][:31], *proof[at + 1 :]] for at in range(len(proof))),
    ]
    for wrong in changed:
        with pytest.raises(InvalidProof):
            verify_inclusion(leaf, index, size, wrong, root)
    for other in {0, index - 1, index + 1, size, size - 1} - {index}:
        with pytest.raises(InvalidProof):
            verify_inclusion(leaf, other, size, proof, root)


@given(st.data(), st.integers(2, 300))
def test_a_consistency_proof_shows_nothing_else(data: st.DataObject, size: int) -> None:
    old = data.draw(st.integers(1, size - 1))
    old_root, root = naive.mth(numbered(old)), naive.mth(numbered(size))
    proof = consistency_proof(old, size, LARGE.reader(size))
    verify_consistency(old, old_root, size, root, proof)
    changed = [
        *(proof[:at] + proof[at + 1 :] for at in range(len(proof))),
        *([*proof[:at], os.urandom(32), *proof[at + 1 :]] for at in range(len(proof))),
        *([*proof[:at], os.urandom(32), *proof[at:]] for at in range(len(proof) + 1)),
    ]
    for wrong in changed:
        with pytest.raises(InvalidProof):
            verify_consistency(old, old_root, size, root, wrong)
    with pytest.raises(InvalidProof):
        verify_consistency(old, root, size, root, proof)
    with pytest.raises(InvalidProof):
        verify_consistency(size, root, old, old_root, proof)


def test_a_short_root_proves_nothing() -> None:
    with pytest.raises(InvalidProof, match="32 bytes"):
        verify_inclusion(leaf_hash(b"leaf 0"), 0, 1, [], ROOTS[1][:31])
    with pytest.raises(InvalidProof, match="32 bytes"):
        verify_consistency(1, ROOTS[1][:31], 1, ROOTS[1][:31], [])


def test_a_node_cannot_pass_for_a_leaf() -> None:
    left, right = leaf_hash(b"leaf 0"), leaf_hash(b"leaf 1")
    assert leaf_hash(left + right) != node_hash(left, right) == ROOTS[2]


def test_between_equal_sizes_only_an_empty_proof_and_the_same_root_hold() -> None:
    verify_consistency(3, ROOTS[3], 3, ROOTS[3], [])
    with pytest.raises(InvalidProof):
        verify_consistency(3, ROOTS[3], 3, ROOTS[2], [])
    with pytest.raises(InvalidProof):
        verify_consistency(3, ROOTS[3], 3, ROOTS[3], [ROOTS[3]])


def test_from_the_empty_tree_only_its_own_root_is_consistent() -> None:
    verify_consistency(0, EMPTY_ROOT, 3, ROOTS[3], [])
    with pytest.raises(InvalidProof):
        verify_consistency(0, ROOTS[3], 3, ROOTS[3], [])


@pytest.mark.parametrize(
    ("index", "size"), [(0, 0), (-1, 3), (3, 3), (1, 2**63), (2**63, SIZE_MAX)]
)
def test_a_leaf_that_is_not_there_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(InvalidProof, match="no leaf"):
        inclusion_proof(index, size, LARGE.reader(3))
    with pytest.raises(InvalidProof, match="no leaf"):
        verify_inclusion(ROOTS[1], index, size, [], ROOTS[1])
