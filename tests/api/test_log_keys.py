"""The log's keys at the command line: shown, added with an overlap, retired, each as a fact."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.cli import logkeys
from api.settings import Settings
from ledger.store.book import Book, create
from ledger.store.codec import decode_leaf
from ledger.store.database import READER, connect
from ledger.transparency import keyring
from ledger.transparency.checkpoint import opened
from ledger.transparency.note import Note, VerifierKey
from ledger.transparency.signer import Signer
from projections import schema

ORIGIN = "rotated.example/2026"


@pytest.fixture
def signer(database_url: str, tmp_path: Path) -> Signer:
    create(database_url, ORIGIN)
    schema.ensure(database_url)
    return Signer(tmp_path, ORIGIN)


@pytest.fixture
def settings(database_url: str, tmp_path: Path) -> Settings:
    return Settings(database_url=database_url, log_dir=str(tmp_path))


def sign(signer: Signer, url: str) -> bytes:
    with connect(url, READER, autocommit=True) as conn:
        signer.advance(conn)
    note = signer.files.note()
    assert note is not None
    return note


def test_keys_overlap_and_each_change_is_a_fact(
    signer: Signer, settings: Settings, database_url: str
) -> None:
    sign(signer, database_url)
    (old,) = map(VerifierKey.parse, logkeys.shown(settings))
    (text,) = logkeys.rotate(settings, retire=False)["added"]
    new = VerifierKey.parse(text)
    both = sign(signer, database_url)
    assert opened(both, [old], ORIGIN).size == opened(both, [new], ORIGIN).size == 1
    assert logkeys.rotate(settings, retire=True) == {"retired": [str(old)]}
    after = sign(signer, database_url)
    assert Note.parse(after).signers([new]) == [new]
    assert len(Note.parse(after).signatures) == 1
    assert signer.files.private.stat().st_mode & 0o777 == 0o600
    book = Book(database_url)
    facts = [decode_leaf(leaf).fact for leaf in book.leaves(0, 10)]
    book.close()
    assert [(f.action, f"{f.key_name}+{f.key}") for f in facts] == [  # type: ignore[attr-defined]  # key facts
        ("added", str(new)),
        ("retired", str(old)),
    ]


def test_the_only_key_is_not_retired(signer: Signer, settings: Settings, database_url: str) -> None:
    sign(signer, database_url)
    with pytest.raises(logkeys.NothingToRotate, match="Add the next one first"):
        logkeys.rotate(settings, retire=True)


def test_a_key_of_the_environment_is_not_rotated_here(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(keyring.KEY_VARIABLE, keyring.generated(ORIGIN))
    with pytest.raises(logkeys.NothingToRotate, match=keyring.KEY_VARIABLE):
        logkeys.rotate(settings, retire=False)


def test_without_a_folder_the_sentence_names_the_setting() -> None:
    with pytest.raises(logkeys.NoLogFolder, match="CLUSTERLEDGER_LOG_DIR"):
        logkeys.shown(Settings(database_url="postgresql://nowhere"))
