"""The log's keys: private ones in a file of mode 0600 or the environment, public ones beside.

A private key is written as Go's sumdb/note writes it: `PRIVATE+KEY+name+hash+base64`. Every key in
the file signs: with two of them a checkpoint has two signatures, which is how keys overlap.
"""

import os
import stat
from base64 import b64encode
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ledger.store.errors import StoreError
from ledger.transparency.note import (
    ED25519,
    InvalidNote,
    SigningKey,
    VerifierKey,
    strict_base64,
)

PRIVATE: Final = "PRIVATE+KEY+"
KEY_VARIABLE: Final = "CLUSTERLEDGER_LOG_KEY"


class KeyUnusable(StoreError):
    """The log's signing key in {where} cannot be used: {why}"""


def generated(name: str) -> str:
    """A new private key in its text form."""
    seed = Ed25519PrivateKey.generate().private_bytes_raw()
    key = SigningKey(name, Ed25519PrivateKey.from_private_bytes(seed)).verifier
    return f"{PRIVATE}{name}+{key.id.hex()}+{b64encode(ED25519 + seed).decode()}"


def parsed(text: str, where: str) -> list[SigningKey]:
    """The keys of a text, one a line. Raises KeyUnusable; never shows the key."""
    keys = []
    for line in text.split():
        name, _, rest = line.removeprefix(PRIVATE).partition("+")
        id, _, encoded = rest.partition("+")
        raw = b""
        try:
            raw = strict_base64(encoded)
            key = SigningKey(name, Ed25519PrivateKey.from_private_bytes(raw[1:]))
        except (InvalidNote, ValueError):
            key = None
        if (
            key is None
            or not line.startswith(PRIVATE)
            or raw[:1] != ED25519
            or key.verifier.id.hex() != id
        ):
            raise KeyUnusable(where=where, why="a line is no PRIVATE+KEY+name+hash+base64.")
        keys.append(key)
    if not keys:
        raise KeyUnusable(where=where, why="it is empty.")
    return keys


def signing_keys(path: Path) -> list[SigningKey]:
    """The keys that sign: of the environment, else of the file. Raises KeyUnusable."""
    if given := os.environ.get(KEY_VARIABLE):
        return parsed(given, KEY_VARIABLE)
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o077:
            raise KeyUnusable(where=path, why="others may read it. Set its mode to 0600.")
        return parsed(path.read_text(), str(path))
    except FileNotFoundError as error:
        why = "there is none. A new log gets its key from `clusterledger checkpoint`, or when its"
        raise KeyUnusable(where=path, why=f"{why} service first starts.") from error
    except OSError as error:
        raise KeyUnusable(where=path, why=f"{error.strerror}.") from error


def write_keys(path: Path, lines: Sequence[str]) -> None:
    """Put private keys into the file, for its owner alone."""
    durable(path, "".join(f"{line}\n" for line in lines).encode(), mode=0o600)


def verifier_keys(path: Path) -> list[VerifierKey]:
    """The public keys in a file, one a line; none without a file. Raises InvalidNote."""
    try:
        return [VerifierKey.parse(line) for line in path.read_text().split()]
    except FileNotFoundError:
        return []


def durable(path: Path, content: bytes, mode: int = 0o644) -> None:
    """Write a file so that a crash leaves the old one or the new one, whole."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
