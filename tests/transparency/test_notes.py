"""Notes, checkpoints and proofs as text: what is accepted, and each malformed kind that is not."""

from __future__ import annotations

from base64 import b64encode

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.transparency.checkpoint import Checkpoint, opened
from ledger.transparency.merkle import (
    EMPTY_ROOT,
    InvalidProof,
    inclusion_proof,
    leaf_hash,
)
from ledger.transparency.note import InvalidNote, Note, SigningKey, VerifierKey, signed
from ledger.transparency.proof import Proof
from tests.transparency.growing import Grown, numbered

ORIGIN = "log.example/2026"
KEY = SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = SigningKey(ORIGIN, Ed25519PrivateKey.from_private_bytes(bytes(32)))
WITNESS = SigningKey("witness.example", Ed25519PrivateKey.from_private_bytes(b"w" * 32))
ROOT = b64encode(bytes(range(32))).decode()
TEXT = f"{ORIGIN}\n1000\n{ROOT}\n"
NOTE = signed(TEXT, [KEY]).encode()

# The example of Go's sumdb/note: a key and a note of other people's making.
GO_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
GO_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZIn"
    "NIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def resigned(text: str) -> bytes:
    """A note whose signature is right, whatever its text."""
    return signed(text, [KEY]).encode()


def with_signature(line: str) -> bytes:
    return f"{TEXT}\n{line}\n".encode()


def test_a_note_that_others_made_is_accepted() -> None:
    key = VerifierKey.parse(GO_KEY)
    assert Note.parse(GO_NOTE.encode()).signers([key]) == [key]
    assert str(key) == GO_KEY


def test_a_checkpoint_comes_back_as_it_was_signed() -> None:
    assert opened(NOTE, [KEY.verifier], ORIGIN) == Checkpoint(ORIGIN, 1000, bytes(range(32)))
    assert Note.parse(NOTE).encode() == NOTE


def test_the_empty_tree_has_a_checkpoint() -> None:
    text = Checkpoint(ORIGIN, 0, EMPTY_ROOT).text
    assert opened(resigned(text), [KEY.verifier], ORIGIN).size == 0


def test_lines_of_unknown_keys_are_kept_and_believe_nothing() -> None:
    both = signed(TEXT, [WITNESS, KEY]).encode()
    assert opened(both, [KEY.verifier], ORIGIN).size == 1000
    assert [s.name for s in Note.parse(both).signatures] == ["witness.example", ORIGIN]
    assert Note.parse(both).encode() == both


def test_two_keys_of_one_name_sign_during_an_overlap() -> None:
    both = signed(TEXT, [KEY, OTHER]).encode()
    for keys in ([KEY.verifier], [OTHER.verifier], [KEY.verifier, OTHER.verifier]):
        assert Note.parse(both).signers(keys) == keys


MALFORMED = {
    "a leading zero": resigned(f"{ORIGIN}\n01000\n{ROOT}\n"),
    "a plus before the size": resigned(f"{ORIGIN}\n+1000\n{ROOT}\n"),
    "digits of another script": resigned(f"{ORIGIN}\n١٠٠٠\n{ROOT}\n"),
    "an underscore in the size": resigned(f"{ORIGIN}\n1_000\n{ROOT}\n"),
    "a size of 2^63": resigned(f"{ORIGIN}\n{2**63}\n{ROOT}\n"),
    "a size of many digits": resigned(f"{ORIGIN}\n{10**40}\n{ROOT}\n"),
    "a negative size": resigned(f"{ORIGIN}\n-1\n{ROOT}\n"),
    "no size": resigned(f"{ORIGIN}\n\n{ROOT}\n"),
    "a space after the size": resigned(f"{ORIGIN}\n1000 \n{ROOT}\n"),
    "another origin": resigned(f"other.example/2026\n1000\n{ROOT}\n"),
    "an origin that only starts alike": resigned(f"{ORIGIN}/b\n1000\n{ROOT}\n"),
    "no origin": resigned(f"\n1000\n{ROOT}\n"),
    "a short root": resigned(f"{ORIGIN}\n1000\n{b64encode(bytes(31)).decode()}\n"),
    "a long root": resigned(f"{ORIGIN}\n1000\n{b64encode(bytes(33)).decode()}\n"),
    "a root in hexadecimal": resigned(f"{ORIGIN}\n1000\n{bytes(32).hex()}\n"),
    "a root without padding": resigned(f"{ORIGIN}\n1000\n{ROOT.rstrip('=')}\n"),
    "a root in the other alphabet": resigned(
        f"{ORIGIN}\n1000\n{b64encode(bytes([255] * 32)).decode().replace('/', '_')}\n"
    ),
    "bits after the root's end": resigned(f"{ORIGIN}\n1000\n{ROOT[:-2]}9=\n"),
    "a root for the empty tree": resigned(f"{ORIGIN}\n0\n{ROOT}\n"),
    "an extension line": resigned(f"{TEXT}extension\n"),
    "an empty extension line": resigned(f"{TEXT}\n"),
    "carriage returns": NOTE.replace(b"\n", b"\r\n"),
    "one carriage return": resigned(f"{ORIGIN}\r\n1000\n{ROOT}\n"),
    "a NUL": resigned(f"{ORIGIN}\0\n1000\n{ROOT}\n"),
    "a byte order mark": b"\xef\xbb\xbf" + NOTE,
    "bytes that are not UTF-8": NOTE.replace(b"log", b"l\xffg"),
    "trailing bytes": NOTE + b"x",
    "a trailing newline": NOTE + b"\n",
    "a second note": NOTE + b"\n" + NOTE,
    "no newline at the end": NOTE[:-1],
    "no signature": TEXT.encode(),
    "an empty signature block": f"{TEXT}\n".encode(),
    "no empty line": NOTE.replace(b"\n\n", b"\n"),
    "nothing": b"",
    "the same signature twice": NOTE + f"{KEY.sign(TEXT).line}\n".encode(),
    "only an unknown signature": signed(TEXT, [OTHER, WITNESS]).encode(),
    "a known key's wrong signature": signed(TEXT.replace("1000", "1001"), [KEY])
    .encode()
    .replace(b"1001", b"1000"),
    "a wrong signature beside a right one": signed(TEXT, [OTHER]).encode()
    + f"{KEY.sign('other').line}\n".encode(),
    "a hyphen for the dash": NOTE.replace("—".encode(), b"-"),
    "a signature without a name": with_signature(f"—  {b64encode(bytes(68)).decode()}"),
    "a name with a plus": with_signature(f"— a+b {b64encode(bytes(68)).decode()}"),
    "a name with a no-break space": with_signature(f"— a\u00a0b {b64encode(bytes(68)).decode()}"),
    "a signature that is no base64": with_signature(f"— {ORIGIN} ***"),
    "a signature of four bytes": with_signature(f"— {ORIGIN} {b64encode(bytes(4)).decode()}"),
    "a signature that was cut": with_signature(
        f"— {ORIGIN} {b64encode(KEY.verifier.id + bytes(63)).decode()}"
    ),
    "too many signatures": f"{TEXT}\n".encode()
    + b"".join(f"— w{n} {b64encode(bytes(68)).decode()}\n".encode() for n in range(101)),
    "too many bytes": NOTE + b"x" * 200_000,
}


@pytest.mark.parametrize("kind", MALFORMED)
def test_a_malformed_checkpoint_is_refused(kind: str) -> None:
    with pytest.raises(InvalidNote) as refused:
        opened(MALFORMED[kind], [KEY.verifier], ORIGIN)
    assert str(refused.value).endswith(".")


def test_a_second_known_keys_wrong_signature_spoils_the_note() -> None:
    with pytest.raises(InvalidNote, match="not of this text"):
        opened(
            MALFORMED["a wrong signature beside a right one"],
            [OTHER.verifier, KEY.verifier],
            ORIGIN,
        )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "name",
        "name+00000000",
        GO_KEY.replace("c74f20a3", "c74f20a4"),
        GO_KEY.replace("c74f20a3", "C74F20A3"),
        GO_KEY.replace("PeterNeumann", "Peter Neumann"),
        GO_KEY.replace("PeterNeumann", ""),
        GO_KEY + "\n",
        GO_KEY[:-4],
        f"{ORIGIN}+00000000+{b64encode(bytes([4] + [0] * 32)).decode()}",
        "-----BEGIN PUBLIC KEY-----",
    ],
)
def test_a_key_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(InvalidNote):
        VerifierKey.parse(text)


def test_a_public_key_that_is_no_point_verifies_nothing() -> None:
    broken = VerifierKey(ORIGIN, b"\xff" * 32)
    line = f"— {ORIGIN} {b64encode(broken.id + bytes(64)).decode()}"
    with pytest.raises(InvalidNote):
        opened(with_signature(line), [broken], ORIGIN)


GROWN = Grown(numbered(1_000))
PROOF = Proof(
    700,
    tuple(inclusion_proof(700, 1_000, GROWN.reader())),
    signed(Checkpoint(ORIGIN, 1_000, GROWN.frontier.root()).text, [KEY]).encode(),
)


def test_a_proof_file_proves_its_leaf() -> None:
    read = Proof.parse(PROOF.encode())
    assert read == PROOF
    assert read.verify(leaf_hash(b"leaf 700"), [KEY.verifier], ORIGIN).size == 1_000
    with pytest.raises(InvalidProof):
        read.verify(leaf_hash(b"leaf 701"), [KEY.verifier], ORIGIN)


def test_a_proof_of_a_tree_of_one_leaf_has_no_hashes() -> None:
    root = leaf_hash(b"leaf 0")
    proof = Proof(0, (), signed(Checkpoint(ORIGIN, 1, root).text, [KEY]).encode())
    assert Proof.parse(proof.encode()).verify(root, [KEY.verifier], ORIGIN).size == 1


def test_extra_data_in_a_proof_file_are_passed_over() -> None:
    raw = PROOF.encode().replace(b"\nindex", b"\nextra AAAA\nindex")
    assert Proof.parse(raw) == PROOF


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"c2sp.org/tlog-proof@v1", b"c2sp.org/tlog-proof@v2"),
        (b"index 700", b"index 0700"),
        (b"index 700", b"index -1"),
        (b"index 700\n", b""),
        (b"index 700", b"index 700\r"),
        (b"index 700", b"index 700\nAAAA"),
        (b"index 700", b"extra *\nindex 700"),
        (b"index 700", b"index \xff"),
    ],
)
def test_a_malformed_proof_file_is_refused(old: bytes, new: bytes) -> None:
    with pytest.raises((InvalidProof, InvalidNote)):
        Proof.parse(PROOF.encode().replace(old, new))


@pytest.mark.parametrize("cut", [1, 50, 120, 300])
def test_a_proof_file_that_was_cut_is_refused(cut: int) -> None:
    with pytest.raises((InvalidProof, InvalidNote)):
        Proof.parse(PROOF.encode()[:-cut]).verify(leaf_hash(b"leaf 700"), [KEY.verifier], ORIGIN)
