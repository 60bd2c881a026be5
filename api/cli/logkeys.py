"""The keys that sign the log: shown, added, retired. Each change is a fact."""

from pathlib import Path
from typing import Any
from uuid import uuid4

from api.cli.place import log_dir_of, visited
from api.settings import Settings
from ledger.domain.commands import ADMIN, Authority
from ledger.domain.facts import LogKeyChanged
from ledger.service import Ledger, incoming
from ledger.store import book
from ledger.store.errors import StoreError
from ledger.transparency import keyring
from ledger.transparency.note import VerifierKey
from ledger.transparency.signer import LogFolder

SOURCE = "urn:clusterledger:log"


class NoLogFolder(StoreError):
    """Name the folder the log is signed from: CLUSTERLEDGER_LOG_DIR."""


class NothingToRotate(StoreError):
    """{why}"""


def _files(settings: Settings) -> LogFolder:
    folder = log_dir_of(settings)
    if folder is None:
        raise NoLogFolder
    return LogFolder(Path(folder))


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
        with Ledger.open(place.url) as ledger:
            _record(ledger, changed, "retired" if retire else "added")
    keyring.write_keys(files.private, lines)
    return {("retired" if retire else "added"): [str(key) for key in changed]}


def _record(ledger: Ledger, changed: list[VerifierKey], action: str) -> None:
    authority = Authority(f"key:{uuid4()}", frozenset({ADMIN}))
    ledger.record(
        authority,
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
