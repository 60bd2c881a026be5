"""The signer: signs what grew from what it signed, refuses everything else, survives any end."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest

from ledger.store.database import connect
from ledger.transparency import keyring
from ledger.transparency.checkpoint import Checkpoint, opened
from ledger.transparency.keyring import KeyUnusable
from ledger.transparency.memory import SigningRefused
from ledger.transparency.note import Note
from ledger.transparency.signer import AnotherSigner, Signer, sign_along
from tests.domain.kit import Given
from tests.store.test_tree import clusters
from tests.transparency.conftest import ORIGIN


def read(signer: Signer) -> Checkpoint:
    """The last checkpoint, as somebody reads it who has the key."""
    note = signer.files.note()
    assert note is not None
    return opened(note, keyring.verifier_keys(signer.files.public), ORIGIN)


def rewritten(owner: psycopg.Connection, upto: int) -> None:
    """The database as an older backup has it: nothing behind a position."""
    for table in ("facts", "head", "tile", "tree_head"):
        owner.execute(f"ALTER TABLE ledger.{table} DISABLE TRIGGER USER".encode())
    owner.execute("DELETE FROM ledger.facts WHERE notification_id > %s", (upto,))
    owner.execute("DELETE FROM ledger.tile")
    owner.execute("DELETE FROM ledger.tree_head")
    owner.execute(
        "UPDATE ledger.head SET position = %s, tree_size = 0, frontier = '', root = sha256('')",
        (upto,),
    )
    for table in ("facts", "head", "tile", "tree_head"):
        owner.execute(f"ALTER TABLE ledger.{table} ENABLE TRIGGER USER".encode())


def test_the_first_start_makes_a_key_and_signs(
    given: Given, signer: Signer, owner: psycopg.Connection
) -> None:
    given.record(*clusters(3))
    signed = signer.advance(owner)
    assert (signed.origin, signed.size) == (ORIGIN, 3)
    assert read(signer) == signed
    assert signer.files.private.stat().st_mode & 0o777 == 0o600


def test_an_empty_log_is_signed_too(
    given: Given, signer: Signer, owner: psycopg.Connection
) -> None:
    assert signer.advance(owner).size == 0
    assert read(signer).size == 0


def test_a_tree_that_grew_is_signed(
    given: Given, signer: Signer, owner: psycopg.Connection
) -> None:
    for count in (1, 255, 1, 300):
        given.record(*clusters(count))
        signer.advance(owner)
    assert read(signer).size == 557


def test_each_checkpoint_is_published_once(
    given: Given, signer: Signer, owner: psycopg.Connection, tmp_path: Path
) -> None:
    for _ in range(2):
        given.record(*clusters(2))
        signer.advance(owner)
        signer.advance(owner)
    published = sorted(path.name for path in (tmp_path / "published").iterdir())
    assert published == ["checkpoint-2", "checkpoint-4"]
    assert (tmp_path / "published" / "checkpoint-4").read_bytes() == signer.files.note()


def test_a_database_that_was_cut_is_not_signed(
    given: Given, signer: Signer, owner: psycopg.Connection
) -> None:
    given.record(*clusters(5))
    before = signer.advance(owner)
    rewritten(owner, 3)
    with pytest.raises(SigningRefused, match="restored from an older backup"):
        signer.advance(owner)
    assert read(signer) == before
    assert "older backup" in (signer.files.refused() or "")


@pytest.mark.parametrize("more", [2, 4, 300])
def test_a_restored_database_that_was_written_on_is_not_signed(
    given: Given, signer: Signer, owner: psycopg.Connection, more: int
) -> None:
    given.record(*clusters(5))
    before = signer.advance(owner)
    rewritten(owner, 3)
    given.record(*clusters(more))
    with pytest.raises(SigningRefused, match="did not grow"):
        signer.advance(owner)
    assert read(signer) == before


def test_the_same_restore_is_signed_where_the_memory_is_lost(
    given: Given, signer: Signer, owner: psycopg.Connection, tmp_path: Path
) -> None:
    """The control: it is the memory outside the database that refuses."""
    given.record(*clusters(5))
    signer.advance(owner)
    rewritten(owner, 3)
    given.record(*clusters(4))
    with Signer(tmp_path / "forgetful", ORIGIN) as forgetful:
        assert forgetful.advance(owner).size == 7


def test_a_refusal_ends_when_the_database_is_put_right(
    given: Given, signer: Signer, owner: psycopg.Connection
) -> None:
    given.record(*clusters(5))
    signer.advance(owner)
    owner.execute("ALTER TABLE ledger.head DISABLE TRIGGER USER")
    row = owner.execute("SELECT root FROM ledger.head").fetchone()
    owner.execute("UPDATE ledger.head SET root = sha256('x')")
    with pytest.raises(SigningRefused):
        signer.advance(owner)
    owner.execute("UPDATE ledger.head SET root = %s", row)
    assert signer.advance(owner).size == 5
    assert signer.files.refused() is None


def test_a_damaged_memory_is_not_gone_on_from(
    given: Given, signer: Signer, owner: psycopg.Connection
) -> None:
    given.record(*clusters(5))
    signer.advance(owner)
    signer.files.checkpoint.write_bytes(signer.files.checkpoint.read_bytes()[:-9])
    with pytest.raises(SigningRefused, match="damaged"):
        signer.advance(owner)


def test_another_ledger_is_not_signed_with_this_memory(
    given: Given, signer: Signer, owner: psycopg.Connection
) -> None:
    signer.advance(owner)
    signer.close()
    with (
        Signer(signer.files.folder, "other.example/2026") as other,
        pytest.raises(SigningRefused, match=r"is other\.example/2026"),
    ):
        other.advance(owner)


def test_a_log_has_one_signer(signer: Signer) -> None:
    with pytest.raises(AnotherSigner):
        Signer(signer.files.folder, ORIGIN)
    signer.close()
    Signer(signer.files.folder, ORIGIN).close()


def test_a_key_that_others_may_read_is_not_used(
    given: Given, signer: Signer, owner: psycopg.Connection
) -> None:
    signer.advance(owner)
    signer.files.private.chmod(0o640)
    given.record(*clusters(1))
    with pytest.raises(KeyUnusable, match="0600"):
        signer.advance(owner)


@pytest.mark.parametrize(
    "text", ["", "x", "PRIVATE+KEY+a+00000000+AAAA", "PRIVATE+KEY+a", "-----BEGIN PRIVATE KEY-----"]
)
def test_what_is_no_key_is_refused_and_not_shown(text: str) -> None:
    with pytest.raises(KeyUnusable) as refused:
        keyring.parsed(text, "the file")
    assert not text or text not in str(refused.value)


def test_two_keys_sign_during_an_overlap(
    given: Given, signer: Signer, owner: psycopg.Connection
) -> None:
    given.record(*clusters(2))
    signer.advance(owner)
    old = signer.files.private.read_text().strip()
    keyring.write_keys(signer.files.private, [old, keyring.generated(ORIGIN)])
    signer.advance(owner)
    note = signer.files.note()
    assert note is not None
    first, second = keyring.verifier_keys(signer.files.public)
    assert Note.parse(note).signers([first]) == [first]
    assert Note.parse(note).signers([second]) == [second]


KILLED = """
import os, sys
from pathlib import Path
from ledger.store.database import connect
from ledger.transparency import keyring
from ledger.transparency.signer import Signer

calls = 0
def dying(path, content, mode=0o644, write=keyring.durable):
    global calls
    calls += 1
    if calls == int(sys.argv[4]):
        path.with_name(path.name + ".new").write_bytes(content[: len(content) // 2])
        os._exit(9)
    write(path, content, mode)
    if calls == int(sys.argv[4]) + 100:
        os._exit(9)
keyring.durable = dying
with connect(sys.argv[1], None, autocommit=True) as conn:
    Signer(Path(sys.argv[2]), sys.argv[3]).advance(conn)
"""


@pytest.mark.parametrize("write", [1, 2, 3, 4])
def test_a_signer_killed_at_any_write_goes_on_at_its_next_start(
    given: Given, book_url: str, tmp_path: Path, owner: psycopg.Connection, write: int
) -> None:
    given.record(*clusters(2))
    folder = tmp_path / "log"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, book_url, str(folder), ORIGIN, str(write)], check=False
    )
    assert killed.returncode == 9
    with Signer(folder, ORIGIN) as signer:
        assert signer.advance(owner).size == 2
        assert read(signer).size == 2


def test_signing_follows_the_head_until_told_to_stop(
    given: Given, book_url: str, tmp_path: Path
) -> None:
    stop, folder = Event(), tmp_path / "log"
    signing = Thread(target=sign_along, args=(book_url, folder, tmp_path / "out", stop))
    signing.start()
    try:
        given.record(*clusters(2))
        until = Event()
        while not (tmp_path / "out" / "checkpoint-2").exists():
            until.wait(0.02)
    finally:
        stop.set()
        signing.join()


def test_the_signer_needs_no_more_than_to_read(book_url: str, tmp_path: Path) -> None:
    with (
        Signer(tmp_path / "log", ORIGIN) as signer,
        connect(book_url, "clusterledger_reader", autocommit=True) as conn,
    ):
        assert signer.advance(conn).size == 0
