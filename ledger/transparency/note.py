"""Signed notes: a text, and who signed it. C2SP signed-note with Ed25519 (type 0x01). Pure.

Reading is strict: what two readers could take for two things is refused. Lines of keys that are not
known here, like a witness's, are kept as they are.
"""

from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Iterable, Sequence
from hashlib import sha256
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ED25519: Final = b"\x01"
NOTE_BYTES_MAX: Final = 100_000
SIGNATURES_MAX: Final = 100
_DASH: Final = "— "


class InvalidNote(Exception):
    """A note, or a key, that is not to be trusted; the text says why."""


def strict_base64(text: str) -> bytes:
    """Standard base64 in its one canonical form. Raises InvalidNote on any other."""
    try:
        decoded = b64decode(text, validate=True)
    except (NotBase64, ValueError) as error:
        raise InvalidNote(f"{text[:100]!r} is not base64.") from error
    if b64encode(decoded).decode() != text:
        raise InvalidNote(f"{text[:100]!r} is not base64 as it is to be written.")
    return decoded


def _demand_name(name: str) -> None:
    if not name or "+" in name or any(c.isspace() or not c.isprintable() for c in name):
        raise InvalidNote(f"{name[:100]!r} is no key name: no spaces, no plus, not empty.")


class VerifierKey(NamedTuple):
    """A public key by its name. As text: `name+hash+base64`, to be given to whoever verifies."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """The first 4 bytes of SHA-256(name || newline || 0x01 || key)."""
        return sha256(self.name.encode() + b"\n" + ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(ED25519 + self.public).decode()}"

    @classmethod
    def parse(cls, text: str) -> "VerifierKey":
        """From its text. Raises InvalidNote on another kind of key, or one that does not add up."""
        parts = text.split("+", 2)
        if len(parts) != 3:
            raise InvalidNote("A verifier key reads name+hash+base64; this has another form.")
        name, id, encoded = parts
        _demand_name(name)
        key = strict_base64(encoded)
        if key[:1] != ED25519 or len(key) != 33:
            raise InvalidNote(f"The key of {name} is no Ed25519 key for notes (type 0x01).")
        found = cls(name, key[1:])
        if found.id.hex() != id:
            raise InvalidNote(f"The key of {name} and its hash {id[:16]!r} do not belong together.")
        return found

    def verify(self, text: str, signature: bytes) -> None:
        """Raises InvalidNote unless this key signed the text."""
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(signature, text.encode())
        except (InvalidSignature, ValueError) as error:
            raise InvalidNote(f"The signature of {self.name} is not of this text.") from error


class Signature(NamedTuple):
    """One signature line. Name and key id together say which key it is of."""

    name: str
    key_id: bytes
    signature: bytes

    @property
    def line(self) -> str:
        """As it stands in the note, without the newline."""
        return f"{_DASH}{self.name} {b64encode(self.key_id + self.signature).decode()}"


class SigningKey:
    """A private key by its name. Never shown: its text form is the verifier key's."""

    def __init__(self, name: str, private: Ed25519PrivateKey) -> None:
        _demand_name(name)
        self._private = private
        self.verifier = VerifierKey(name, private.public_key().public_bytes_raw())

    def sign(self, text: str) -> Signature:
        """A signature of a note's text."""
        verifier = self.verifier
        return Signature(verifier.name, verifier.id, self._private.sign(text.encode()))


class Note(NamedTuple):
    """A text that ends in a newline, and the lines that sign it."""

    text: str
    signatures: tuple[Signature, ...]

    def encode(self) -> bytes:
        """The note's bytes: text, empty line, signature lines."""
        return (self.text + "\n" + "".join(f"{s.line}\n" for s in self.signatures)).encode()

    @classmethod
    def parse(cls, raw: bytes) -> "Note":
        """A note's parts, its signatures not looked at. Raises InvalidNote."""
        if len(raw) > NOTE_BYTES_MAX:
            raise InvalidNote(f"A note has at most {NOTE_BYTES_MAX} bytes.")
        try:
            whole = raw.decode()
        except UnicodeDecodeError as error:
            raise InvalidNote("The note is not UTF-8.") from error
        if any(ord(character) < 0x20 and character != "\n" for character in whole):
            raise InvalidNote("The note holds a control character, like a carriage return.")
        text, gap, rest = whole.rpartition("\n\n")
        if not gap or not text or not rest.endswith("\n"):
            raise InvalidNote("A note is a text, an empty line, and whole signature lines.")
        signatures = tuple(_signature(line) for line in rest[:-1].split("\n"))
        if len(signatures) > SIGNATURES_MAX:
            raise InvalidNote(f"A note has at most {SIGNATURES_MAX} signatures.")
        if len({(s.name, s.key_id) for s in signatures}) < len(signatures):
            raise InvalidNote("Two signatures name the same key.")
        return cls(text + "\n", signatures)

    def signers(self, keys: Iterable[VerifierKey]) -> list[VerifierKey]:
        """Which of these keys signed: at least one.

        Raises InvalidNote where none did, or where one of them is named by a wrong signature.
        """
        known = {(key.name, key.id): key for key in keys}
        found = []
        for signature in self.signatures:
            key = known.get((signature.name, signature.key_id))
            if key is not None:
                key.verify(self.text, signature.signature)
                found.append(key)
        if not found:
            names = ", ".join(sorted({signature.name for signature in self.signatures}))
            raise InvalidNote(f"None of the given keys signed this note; it is signed by {names}.")
        return found


def _signature(line: str) -> Signature:
    if not line.startswith(_DASH):
        raise InvalidNote("A signature line starts with an em dash and a space.")
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    _demand_name(name)
    raw = strict_base64(encoded)
    if len(raw) < 5:
        raise InvalidNote(f"The signature of {name} is cut.")
    return Signature(name, raw[:4], raw[4:])


def signed(text: str, keys: Sequence[SigningKey]) -> Note:
    """A note signed by these keys, in this order."""
    return Note(text, tuple(key.sign(text) for key in keys))
