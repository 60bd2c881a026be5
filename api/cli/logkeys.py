"""The log's checkpoint, signed on demand; the keys that sign it: shown, added, retired, each
change as a fact."""

import time
from pathlib import Path
from typing import Any
from uuid import uuid4

from api.cli.actor import command_line
from api.cli.place import log_files_at, visited, written
from api.settings import Settings
from ledger.domain.facts import LogKeyChanged
from ledger.service import Ledger, incoming
from ledger.store import book, proofs
from ledger.store.database import READER, connect
from ledger.store.errors import StoreError
from ledger.transparency import keyring
from ledger.transparency.memory import LogFolder
from ledger.transparency.note import VerifierKey
from ledger.transparency.signer import AnotherSigner, Signer

SOURCE = "urn:clusterledger:log"
SIGNED_WITHIN_S = 10.0
LOOK_EVERY_S = 0.05


class NoLogFolder(StoreError):
    """Name the folder the log is signed from: CLUSTERLEDGER_LOG_DIR."""


class NothingToRotate(StoreError):
    """{why}"""


class NotSigned(StoreError):
    """The running service has not signed the newest facts: {why}"""


def _files(settings: Settings) -> LogFolder:
    files = log_files_at(settings)
    if files is None:
        raise NoLogFolder
    return files


def checkpoint(settings: Settings, *, begin: bool) -> bytes:
    """The note of a checkpoint that covers the ledger as it is: signed now, or by the service that
    runs. `begin` says that this log never signed. Raises StoreError."""
    files = _files(settings)
    with visited(settings) as place, connect(place.url, READER, autocommit=True) as conn:
        try:
            sign_now(settings, place.url, begin=begin)
        except AnotherSigner:
            _await_signature(files, place.url, proofs.head_of(conn).size)
    note = files.note()
    assert note is not None
    return note


def sign_now(settings: Settings, url: str, *, begin: bool = False) -> None:
    """Sign the ledger as it is. Raises AnotherSigner while a service does, StoreError, OSError."""
    folder, origin = _files(settings).folder, book.origin_of(url)
    assert origin is not None
    publish = None if settings.checkpoint_dir is None else Path(settings.checkpoint_dir)
    with (
        Signer(folder, origin, publish, begin=begin) as signer,
        connect(url, READER, autocommit=True) as conn,
    ):
        signer.advance(conn)


def _await_signature(files: LogFolder, url: str, size: int) -> None:
    """Until the running signer has come that far. Raises NotSigned."""
    origin = book.origin_of(url)
    assert origin is not None
    until = time.monotonic() + SIGNED_WITHIN_S
    while (last := files.last(origin)) is None or last.size < size:
        why = files.refused()
        if why is None and time.monotonic() > until:
            why = f"its signer stands still since {SIGNED_WITHIN_S:.0f} s."
        if why is not None:
            raise NotSigned(why=why)
        time.sleep(LOOK_EVERY_S)


def shown(settings: Settings) -> list[str]:
    """The verifier keys of the keys that sign. Raises KeyUnusable."""
    keys = keyring.signing_keys(_files(settings).private)
    return [str(key.verifier) for key in keys]


def rotate(settings: Settings, *, retire: bool) -> dict[str, Any]:
    """Add a key, or leave the newest alone. Raises StoreError.

    First the fact, then the file: a crash in between leaves a fact about a key that does not sign
    yet, and repeating the command adds one that does.
    """
    files = _files(settings)
    keys = keyring.signing_keys(files.private)
    if not files.private.exists():
        raise NothingToRotate(why=f"The key comes from {keyring.KEY_VARIABLE}: change it there.")
    lines = files.private.read_text().split()
    if retire and len(keys) == 1:
        raise NothingToRotate(why="One key signs. Add the next one first: keys rotate-log.")
    with visited(settings) as place:
        if retire:
            changed, lines = [key.verifier for key in keys[:-1]], lines[-1:]
        else:
            origin = book.origin_of(place.url)
            assert origin is not None
            lines.append(keyring.generated(origin))
            changed = [keyring.parsed(lines[-1], "")[0].verifier]
        with written(place, settings) as ledger:
            _record(place.url, ledger, changed, "retired" if retire else "added")
    keyring.write_keys(files.private, lines)
    return {("retired" if retire else "added"): [str(key) for key in changed]}


def _record(url: str, ledger: Ledger, changed: list[VerifierKey], action: str) -> None:
    ledger.record(
        command_line(url, ledger),
        [
            incoming(
                str(uuid4()),
                SOURCE,
                LogKeyChanged.topic,
                {
                    "key_name": key.name,
                    "key": str(key).removeprefix(f"{key.name}+"),
                    "action": action,
                },
            )
            for key in changed
        ],
    )
