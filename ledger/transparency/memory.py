"""What was signed, as it lies outside PostgreSQL: the signer's memory, and what was published.

Who signs, and who writes, asks here first whether the database still holds all of it. A restore
takes the database back, and these not: that is how it is found.
"""

import os
import re
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from psycopg import Connection

from ledger.store import proofs
from ledger.store.errors import StoreError
from ledger.transparency import keyring
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.keyring import KeyUnusable
from ledger.transparency.merkle import InvalidProof, verify_consistency
from ledger.transparency.note import InvalidNote, Note, VerifierKey
from ledger.transparency.tiles import NoTile

_PUBLISHED: Final = re.compile("checkpoint-(0|[1-9][0-9]{0,18})")


class SigningRefused(StoreError):
    """The log does not go on: {why} See docs/operations.md, "The signer refuses"."""


class LogFolder:
    """What the signer keeps, what others read of it, and what it published.

    Whatever is read of a checkpoint here was signed with a key of this log.
    """

    def __init__(self, folder: Path, published: Path | None = None) -> None:
        self.folder = folder
        self.private = folder / "signing.keys"
        self.public = folder / "verifier.keys"
        self.checkpoint = folder / "checkpoint"
        self.refusal = folder / "refusal"
        self.lock = folder / "lock"
        self._published = published
        self._listed: tuple[int, int | None] = (-1, None)

    @classmethod
    def of(cls, folder: str | None, published: str | None) -> Self | None:
        """As settings name them; None where no log is signed here."""
        if folder is None:
            return None
        return cls(Path(folder), None if published is None else Path(published))

    def note(self) -> bytes | None:
        """The last checkpoint's bytes, not looked at."""
        return _read(self.checkpoint)

    def signed(self, origin: str) -> tuple[bytes, Checkpoint] | None:
        """The last checkpoint: its note, and what it says. Raises SigningRefused."""
        return self._opened(self.checkpoint, origin)

    def last(self, origin: str) -> Checkpoint | None:
        """What was signed last; None where nothing was. Raises SigningRefused."""
        found = self.signed(origin)
        return None if found is None else found[1]

    def signed_s_ago(self) -> float | None:
        """The last checkpoint's age in seconds; None where nothing was signed."""
        try:
            return max(time.time() - self.checkpoint.stat().st_mtime, 0.0)
        except FileNotFoundError:
            return None

    def refused(self) -> str | None:
        """Why nothing is signed; None where all is well."""
        found = _read(self.refusal)
        return None if found is None else found.decode(errors="replace")

    def refuse(self, why: str) -> None:
        """Write down why nothing is signed. Raises OSError where not even that can be."""
        if self.refused() != why:
            keyring.durable(self.refusal, why.encode())

    def held(self, origin: str) -> list[Checkpoint]:
        """What the database has to hold, the larger first: the memory, and the largest checkpoint
        that was published. Nothing where nothing was signed yet.

        Raises SigningRefused where one of them is damaged, of another log, or not the other's.
        """
        last = self.last(origin)
        if last is not None and not last.size and not self._has_key():
            last = None  # a crash between the first checkpoint and its key: it is begun again
        if last is not None:
            self._demand_same(last)
        size = self._largest_published()
        if size is None or (last is not None and size <= last.size):
            return [] if last is None else [last]
        path = self.place_of(size)
        assert path is not None
        opened = self._opened(path, origin)
        if opened is None or opened[1].size != size:
            raise SigningRefused(why=f"{path} does not say what its name does.")
        return [opened[1]] if last is None else [opened[1], last]

    def demand_first(self, *, begin: bool = False) -> None:
        """Raises SigningRefused where a log was signed before and its memory is lost.

        A key of the environment is there before the first checkpoint too, so nothing tells a first
        start from a lost memory: somebody has to say so, with `begin`.
        """
        if self.private.exists() or self.public.exists():
            raise SigningRefused(
                why=f"there is a key, and no {self.checkpoint}: put the newest published"
                " checkpoint there."
            )
        if keyring.KEY_VARIABLE in os.environ and not begin:
            raise SigningRefused(
                why=f"the key comes from {keyring.KEY_VARIABLE}, and there is no {self.checkpoint}:"
                " put the newest published checkpoint there; or, for a log that never signed, run"
                ' "clusterledger checkpoint --begin".'
            )

    def place_of(self, size: int) -> Path | None:
        """Where a checkpoint is published; None where none is."""
        return None if self._published is None else self._published / f"checkpoint-{size}"

    def keys(self) -> list[VerifierKey]:
        """The log's own keys: those that sign, and those that were shown last."""
        found = []
        with suppress(KeyUnusable):  # whoever signs is told; to read, those shown suffice
            found += [key.verifier for key in keyring.signing_keys(self.private)]
        with suppress(InvalidNote, UnicodeDecodeError):  # it is written anew
            found += keyring.verifier_keys(self.public)
        return found

    def _has_key(self) -> bool:
        return self.private.exists() or keyring.KEY_VARIABLE in os.environ

    def _opened(self, path: Path, origin: str) -> tuple[bytes, Checkpoint] | None:
        keys = self.keys()  # before the note: a rotation shows the new key after it has signed
        raw = _read(path)
        if raw is None:
            return None
        note, found = _parsed(path, raw)
        if found.origin != origin:
            raise SigningRefused(
                why=f"this ledger is {origin}, and the last checkpoint was of {found.origin}."
            )
        if not found.size:
            return raw, found  # the empty tree, which every log grows from: nothing is believed
        try:
            note.signers(keys)
        except InvalidNote as error:
            raise SigningRefused(why=f"{path} is not signed by this log: {error}") from error
        return raw, found

    def _demand_same(self, last: Checkpoint) -> None:
        path = self.place_of(last.size)
        raw = None if path is None else _read(path)
        # Keys may have changed since at the same size: what it says counts, not who signed.
        if path is not None and raw is not None and _parsed(path, raw)[1] != last:
            raise SigningRefused(
                why=f"{path} has another root than the checkpoint of {last.size} facts that was"
                " signed: two histories were signed with this log's key, or the file was changed."
            )

    def _largest_published(self) -> int | None:
        """The size of the largest; looks through the folder only where that has changed."""
        if self._published is None:
            return None
        try:
            changed = self._published.stat().st_mtime_ns
        except FileNotFoundError:
            return None
        if self._listed[0] != changed:
            names = (_PUBLISHED.fullmatch(path.name) for path in self._published.iterdir())
            self._listed = changed, max((int(n[1]) for n in names if n is not None), default=None)
        return self._listed[1]


def demand_all_signed(
    conn: Connection[Any], files: LogFolder, origin: str, *, despite: int | None = None
) -> None:
    """The database holds all that was signed. `despite` is the size of a checkpoint that is given
    up, with all before it. Raises SigningRefused, OSError."""
    held = files.held(origin)  # before the head, which the signer may sign in the meantime
    if not held:
        files.demand_first()
    now = Checkpoint(origin, *proofs.head_of(conn))
    for last in held:
        if despite is None or last.size > despite:
            demand_growth(conn, last, now)


def demand_growth(conn: Connection[Any], last: Checkpoint, now: Checkpoint) -> None:
    """Raises SigningRefused unless the database's tree grew from one that was signed."""
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


def _parsed(path: Path, raw: bytes) -> tuple[Note, Checkpoint]:
    try:
        note = Note.parse(raw)
        return note, Checkpoint.parse(note.text)
    except InvalidNote as error:
        raise SigningRefused(why=f"{path} is damaged: {error}") from error


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
