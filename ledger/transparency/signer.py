"""The signer: one per ledger, with a memory of its own outside PostgreSQL.

It signs a tree only when that grew from the last one it signed, and from the largest one that was
published: whoever restores an older database, or rewrites one, makes it refuse. Its memory is the
last checkpoint itself, in a file: a crash leaves the one before or this one, and what is not in the
file was never published.
"""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
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
from ledger.transparency.memory import LogFolder, demand_growth
from ledger.transparency.merkle import EMPTY_ROOT
from ledger.transparency.note import Note, SigningKey, signed

log: Final = structlog.get_logger(__name__)

EVERY_S: Final = 1.0
AGAIN_S: Final = 5.0


class AnotherSigner(StoreError):
    """Another process signs with {folder}. A log has one signer."""


class Signer:
    """Signs what is consistent with what was signed. Holds its folder's lock until closed.

    `begin` says that this log never signed: with a key of the environment nothing else tells.
    """

    def __init__(
        self, folder: Path, origin: str, publish: Path | None = None, *, begin: bool = False
    ) -> None:
        self.files = LogFolder(folder, publish)
        self._origin = origin
        self._begins = begin
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

        Raises SigningRefused or KeyUnusable, or OSError where a file cannot be written; each is
        written down for others to read.
        """
        try:
            signed_now = self._advance(conn)
        except StoreError as refusal:
            self.files.refuse(str(refusal))
            raise
        except OSError as error:
            self.files.refuse(f"A checkpoint cannot be kept or published: {error}")
            raise
        self.files.refusal.unlink(missing_ok=True)
        return signed_now

    def _advance(self, conn: Connection[Any]) -> Checkpoint:
        now = Checkpoint(self._origin, *proofs.head_of(conn))
        held = self.files.held(self._origin) or [self._begun()]
        keys = keyring.signing_keys(self.files.private)
        note = self.files.note()
        if note is None or not _says(note, now, keys):
            for last in held:
                demand_growth(conn, last, now)
            note = signed(now.text, keys).encode()
            # First remembered, then shown: what was ever shown is remembered.
            keyring.durable(self.files.checkpoint, note)
            log.debug("checkpoint_signed", tree_size=now.size)
        elif held[0] != now:
            demand_growth(conn, held[0], now)
        self._show(keys)
        self._publish(now, note)
        return now

    def _begun(self) -> Checkpoint:
        """The first start: the empty tree is signed, with a new key unless one was given.

        Raises SigningRefused where it is not the first. A crash before the key is written leaves
        what the next start begins again.
        """
        self.files.demand_first(begin=self._begins)
        given = os.environ.get(keyring.KEY_VARIABLE)
        line = given or keyring.generated(self._origin)
        empty = Checkpoint(self._origin, 0, EMPTY_ROOT)
        note = signed(empty.text, keyring.parsed(line, keyring.KEY_VARIABLE))
        keyring.durable(self.files.checkpoint, note.encode())
        if given is None:
            keyring.write_keys(self.files.private, [line])
            log.info("log_key_created", file=str(self.files.private))
        return empty

    def _show(self, keys: Sequence[SigningKey]) -> None:
        """After they have signed: until then the keys before are those that verify the memory."""
        text = "".join(f"{key.verifier}\n" for key in keys).encode()
        if not self.files.public.exists() or self.files.public.read_bytes() != text:
            keyring.durable(self.files.public, text)

    def _publish(self, checkpoint: Checkpoint, note: bytes) -> None:
        """Put it where others take it from: a file per size. What is there is never replaced; what
        could not be written the last time is written now."""
        path = self.files.place_of(checkpoint.size)
        if path is None or path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        keyring.durable(path, note)


def _says(note: bytes, now: Checkpoint, keys: Sequence[SigningKey]) -> bool:
    """Whether a note of ours is of this tree, and signed with each of these keys."""
    parsed = Note.parse(note)
    signers = {(found.name, found.key_id) for found in parsed.signatures}
    return parsed.text == now.text and {(k.verifier.name, k.verifier.id) for k in keys} <= signers


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
        except Exception as error:  # the edge of the thread: it must not end unseen
            log.exception("signer_failed")
            told = f"The signer failed, a defect of ours: {type(error).__name__}: {error}"
            with suppress(OSError):
                LogFolder(folder).refuse(told)
            stop.wait(AGAIN_S)
