"""The signer: one per ledger, with a memory of its own outside PostgreSQL.

It signs a tree only when that grew from the last one it signed: whoever restores an older
database, or rewrites one, makes it refuse. Its memory is the last checkpoint itself, in a file: a
crash leaves the one before or this one, and what is not in the file was never published.
"""

import fcntl
import os
import time
from pathlib import Path
from threading import Event
from typing import Any, Final, Self

import psycopg
import structlog
from psycopg import Connection

from ledger.store import proofs
from ledger.store.book import origin_of
from ledger.store.database import READER, connect
from ledger.store.errors import StoreError
from ledger.transparency import keyring
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.merkle import EMPTY_ROOT, InvalidProof, verify_consistency
from ledger.transparency.note import InvalidNote, Note, signed
from ledger.transparency.tiles import NoTile

log: Final = structlog.get_logger(__name__)

EVERY_S: Final = 1.0
AGAIN_S: Final = 5.0


class SigningRefused(StoreError):
    """No checkpoint is signed: {why} See docs/operations.md, "The signer refuses"."""


class AnotherSigner(StoreError):
    """Another process signs with {folder}. A log has one signer."""


class LogFolder:
    """What the signer keeps, and what others read of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.private = folder / "signing.keys"
        self.public = folder / "verifier.keys"
        self.checkpoint = folder / "checkpoint"
        self.refusal = folder / "refusal"
        self.lock = folder / "lock"

    def last(self) -> Checkpoint | None:
        """What was signed last; None where nothing was. Raises InvalidNote."""
        raw = self.note()
        return None if raw is None else Checkpoint.parse(Note.parse(raw).text)

    def note(self) -> bytes | None:
        """The last checkpoint as it was signed."""
        return self.checkpoint.read_bytes() if self.checkpoint.exists() else None

    def signed_s_ago(self) -> float | None:
        """The last checkpoint's age in seconds; None where nothing was signed."""
        try:
            return max(time.time() - self.checkpoint.stat().st_mtime, 0.0)
        except FileNotFoundError:
            return None

    def refused(self) -> str | None:
        """Why nothing is signed; None where all is well."""
        return self.refusal.read_text() if self.refusal.exists() else None


class Signer:
    """Signs what is consistent with what it signed. Holds its folder's lock until closed."""

    def __init__(self, folder: Path, origin: str, publish: Path | None = None) -> None:
        self.files = LogFolder(folder)
        self._origin = origin
        self._publish = publish
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        self._lock = self.files.lock.open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._lock.close()
            raise AnotherSigner(folder=folder) from error

    def close(self) -> None:
        """Let another process sign."""
        self._lock.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def advance(self, conn: Connection[Any]) -> Checkpoint:
        """Sign the tree as it is, unless it was signed before: what is signed now.

        Raises SigningRefused, which is written down for others to read, or KeyUnusable.
        """
        try:
            signed_now = self._advance(conn)
        except StoreError as refusal:
            if self.files.refused() != str(refusal):
                keyring.durable(self.files.refusal, str(refusal).encode())
            raise
        self.files.refusal.unlink(missing_ok=True)
        return signed_now

    def _advance(self, conn: Connection[Any]) -> Checkpoint:
        head = proofs.head_of(conn)
        last = self._last(head.size)
        keys = keyring.signing_keys(self.files.private)
        self._show(keys)
        now = Checkpoint(self._origin, head.size, head.root)
        names = {(key.verifier.name, key.verifier.id) for key in keys}
        if now == last and names <= self._signers():
            return now
        self._demand_growth(conn, last, now)
        note = signed(now.text, keys).encode()
        # First remembered, then shown: what was ever shown is remembered.
        keyring.durable(self.files.checkpoint, note)
        self._published(now, note)
        log.debug("checkpoint_signed", tree_size=now.size)
        return now

    def _last(self, tree_size: int) -> Checkpoint:
        """What was signed last; for a log that never signed, the empty tree."""
        try:
            last = self.files.last()
        except InvalidNote as error:
            raise SigningRefused(why=f"{self.files.checkpoint} is damaged: {error}") from error
        keyless = not self.files.private.exists() and keyring.KEY_VARIABLE not in os.environ
        if last is None or (last.size == 0 and keyless):
            self._begin(tree_size)
            return Checkpoint(self._origin, 0, EMPTY_ROOT)
        if last.origin != self._origin:
            raise SigningRefused(
                why=f"this ledger is {self._origin}, and the last checkpoint was of {last.origin}."
            )
        return last

    def _begin(self, tree_size: int) -> None:
        """The first start: the empty tree is signed, with a new key unless one was given.

        Raises SigningRefused where it is not the first. A crash before the key is written leaves
        what the next start begins again.
        """
        if self.files.private.exists() or (tree_size and keyring.KEY_VARIABLE in os.environ):
            raise SigningRefused(
                why=f"there is a key, and no {self.files.checkpoint}: put the newest published"
                " checkpoint there."
            )
        given = os.environ.get(keyring.KEY_VARIABLE)
        line = given or keyring.generated(self._origin)
        empty = Checkpoint(self._origin, 0, EMPTY_ROOT)
        note = signed(empty.text, keyring.parsed(line, keyring.KEY_VARIABLE))
        keyring.durable(self.files.checkpoint, note.encode())
        if given is None:
            keyring.write_keys(self.files.private, [line])
            log.info("log_key_created", file=str(self.files.private))

    def _signers(self) -> set[tuple[str, bytes]]:
        note = self.files.note()
        assert note is not None
        return {(found.name, found.key_id) for found in Note.parse(note).signatures}

    def _show(self, keys: Any) -> None:
        text = "".join(f"{key.verifier}\n" for key in keys)
        if not self.files.public.exists() or self.files.public.read_text() != text:
            keyring.durable(self.files.public, text.encode())

    @staticmethod
    def _demand_growth(conn: Connection[Any], last: Checkpoint, now: Checkpoint) -> None:
        """Raises SigningRefused unless the tree grew from the last one signed."""
        if now.size < last.size:
            raise SigningRefused(
                why=f"the database has {now.size} facts, and {last.size} were signed: it was"
                " restored from an older backup, or its end was cut."
            )
        try:
            proof = proofs.Nodes(conn, now.size).consistency(last.size)
            verify_consistency(last.size, last.root, now.size, now.root, proof)
        except (InvalidProof, NoTile) as error:
            raise SigningRefused(
                why=f"the tree of {now.size} facts did not grow from the one of {last.size} that"
                f" was signed: facts were changed, or written anew after a restore. {error}"
            ) from error

    def _published(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Put it where others take it from: a file per size. What is there is never replaced."""
        if self._publish is None:
            return
        self._publish.mkdir(parents=True, exist_ok=True)
        path = self._publish / f"checkpoint-{checkpoint.size}"
        if not path.exists():
            keyring.durable(path, note)


def sign_along(url: str, folder: Path, publish: Path | None, stop: Event) -> None:
    """Sign while the head moves, at most once a second, until told to stop.

    A refusal is told once, and looked at again: nothing is repaired by itself, but a database that
    is put right is signed again.
    """
    told: str | None = None
    while not stop.is_set():
        try:
            origin = origin_of(url)
            assert origin is not None
            with (
                Signer(folder, origin, publish) as signer,
                connect(url, READER, autocommit=True) as conn,
            ):
                while not stop.is_set():
                    signer.advance(conn)
                    if told is not None:
                        log.info("signing_resumed")
                    told = None
                    stop.wait(EVERY_S)
        except (StoreError, OSError) as error:
            if str(error) != told:
                log.error("signing_refused", why=str(error))
            told = str(error)
            stop.wait(AGAIN_S)
        except psycopg.Error as error:
            log.warning("signer_interrupted", error=str(error)[:300])
            stop.wait(EVERY_S)
