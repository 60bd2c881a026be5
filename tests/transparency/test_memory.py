"""What was signed is read back: the memory and what was published, whichever is larger."""

from __future__ import annotations

import shutil
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import psycopg
import pytest

from ledger.transparency import keyring
from ledger.transparency.checkpoint import Checkpoint
from ledger.transparency.memory import SigningRefused
from ledger.transparency.note import signed
from ledger.transparency.signer import Signer, sign_along
from tests.domain.kit import Given
from tests.store.test_tree import clusters
from tests.transparency.conftest import ORIGIN
from tests.transparency.small_log import key
from tests.transparency.test_signer import rewritten


@pytest.fixture
def five(given: Given, signer: Signer, owner: psycopg.Connection) -> Signer:
    """A signer that signed and published a log of five facts."""
    given.record(*clusters(5))
    signer.advance(owner)
    return signer


def published(tmp_path: Path, size: int) -> Path:
    return tmp_path / "published" / f"checkpoint-{size}"


def test_a_lost_memory_is_taken_from_what_was_published(
    five: Signer, given: Given, owner: psycopg.Connection
) -> None:
    five.files.checkpoint.unlink()
    given.record(*clusters(2))
    assert five.advance(owner).size == 7


@pytest.mark.parametrize("written_on", [0, 1, 4])
def test_a_restore_is_found_by_what_was_published_where_the_memory_was_restored_too(
    given: Given, signer: Signer, owner: psycopg.Connection, tmp_path: Path, written_on: int
) -> None:
    """As when the folder of the embedded database is put back whole."""
    given.record(*clusters(3))
    signer.advance(owner)
    backup = shutil.copytree(tmp_path / "log", tmp_path / "backup")
    given.record(*clusters(2))
    signer.advance(owner)

    rewritten(owner, 3)
    given.record(*clusters(written_on))
    with (
        Signer(backup, ORIGIN, tmp_path / "published") as restored,
        pytest.raises(SigningRefused, match=r"older backup|did not grow"),
    ):
        restored.advance(owner)
    with Signer(backup, ORIGIN) as forgetful:
        assert forgetful.advance(owner).size == 3 + written_on, "the control: nobody remembers"


def test_a_lost_memory_beside_a_key_is_not_begun_anew(
    five: Signer, owner: psycopg.Connection, tmp_path: Path
) -> None:
    note = five.files.checkpoint.read_bytes()
    five.files.checkpoint.unlink()
    shutil.rmtree(tmp_path / "published")
    with pytest.raises(SigningRefused, match="newest published checkpoint"):
        five.advance(owner)
    five.files.checkpoint.write_bytes(note)
    assert five.advance(owner).size == 5


def changed_root(note: bytes) -> bytes:
    return note.replace(note.split(b"\n")[2], b64encode(bytes(32)))


def of_another_key(_: bytes) -> bytes:
    return signed(Checkpoint(ORIGIN, 9, bytes(32)).text, [key(1, ORIGIN)]).encode()


def of_another_log(note: bytes) -> bytes:
    return note.replace(ORIGIN.encode() + b"\n5", b"other.example/2026\n9")


@pytest.mark.parametrize(
    ("size", "change", "why"),
    [
        (5, changed_root, "another root"),
        (9, of_another_key, "not signed by this log"),
        (9, of_another_log, "the last checkpoint was of"),
        (9, lambda note: note, "does not say what its name does"),
        (9, lambda note: note[:-9], "is damaged"),
        (5, lambda _: b"", "is damaged"),
    ],
)
def test_a_published_checkpoint_that_cannot_be_ours_is_not_gone_on_from(
    five: Signer,
    owner: psycopg.Connection,
    tmp_path: Path,
    size: int,
    change: Callable[[bytes], bytes],
    why: str,
) -> None:
    published(tmp_path, size).write_bytes(change(published(tmp_path, 5).read_bytes()))
    with pytest.raises(SigningRefused, match=why):
        five.advance(owner)


def test_two_histories_of_one_key_are_found_where_both_were_published(
    five: Signer, given: Given, owner: psycopg.Connection, tmp_path: Path
) -> None:
    ours = keyring.signing_keys(five.files.private)
    fork = signed(Checkpoint(ORIGIN, 6, bytes(32)).text, ours).encode()
    published(tmp_path, 6).write_bytes(fork)
    given.record(*clusters(1))
    with pytest.raises(SigningRefused, match="did not grow"):
        five.advance(owner)


def test_a_memory_that_another_key_signed_is_not_gone_on_from(
    five: Signer, owner: psycopg.Connection
) -> None:
    said = Checkpoint(ORIGIN, 5, five.advance(owner).root)
    five.files.checkpoint.write_bytes(signed(said.text, [key(1, ORIGIN)]).encode())
    with pytest.raises(SigningRefused, match="not signed by this log"):
        five.advance(owner)


def test_what_a_crash_kept_from_being_published_is_published_at_the_next_start(
    five: Signer, owner: psycopg.Connection, tmp_path: Path
) -> None:
    published(tmp_path, 5).unlink()
    five.close()
    with Signer(five.files.folder, ORIGIN, tmp_path / "published") as again:
        again.advance(owner)
    assert published(tmp_path, 5).read_bytes() == five.files.note()


def test_a_checkpoint_that_cannot_be_published_is_a_refusal_until_it_is(
    given: Given, owner: psycopg.Connection, tmp_path: Path
) -> None:
    (share := tmp_path / "share").write_text("no folder")
    with Signer(tmp_path / "log", ORIGIN, share / "checkpoints") as signer:
        for _ in range(2):
            with pytest.raises(OSError, match="share"):
                signer.advance(owner)
            assert "cannot be kept or published" in (signer.files.refused() or "")
        share.unlink()
        signer.advance(owner)
        assert signer.files.refused() is None
    assert (share / "checkpoints" / "checkpoint-0").exists()


# Keys that change


def test_a_key_exchanged_while_nobody_signed_is_no_alarm(
    five: Signer, given: Given, owner: psycopg.Connection
) -> None:
    five.close()
    given.record(*clusters(1))
    keyring.write_keys(five.files.private, [keyring.generated(ORIGIN)])
    with Signer(five.files.folder, ORIGIN) as signer:
        assert signer.advance(owner).size == 6
        assert signer.files.last(ORIGIN) is not None


def test_a_key_of_the_environment_signs_once_told_to_begin_and_is_kept_nowhere(
    given: Given, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    line = keyring.generated(ORIGIN)
    monkeypatch.setenv(keyring.KEY_VARIABLE, line)
    given.record(*clusters(2))
    with Signer(tmp_path, ORIGIN, begin=True) as signer:
        assert signer.advance(owner).size == 2
    with Signer(tmp_path, ORIGIN) as signer:
        given.record(*clusters(1))
        assert signer.advance(owner).size == 3
    assert keyring.verifier_keys(signer.files.public) == [keyring.parsed(line, "")[0].verifier]
    assert not signer.files.private.exists()


def test_with_a_key_of_the_environment_a_lost_memory_is_not_begun_anew(
    given: Given, owner: psycopg.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of an empty database too: what was signed may have been larger."""
    monkeypatch.setenv(keyring.KEY_VARIABLE, keyring.generated(ORIGIN))
    with Signer(tmp_path, ORIGIN) as signer, pytest.raises(SigningRefused, match="--begin"):
        signer.advance(owner)
    with Signer(tmp_path, ORIGIN, begin=True) as signer:
        signer.advance(owner)
        signer.files.checkpoint.unlink()
        with pytest.raises(SigningRefused, match="newest published checkpoint"):
            signer.advance(owner)


# A signer that cannot go on says so


def test_a_defect_of_the_signer_is_written_down_and_does_not_end_it(
    database_url: str, tmp_path: Path
) -> None:
    """A database without a ledger, which no start gets as far as."""
    stop, folder = Event(), tmp_path / "log"
    folder.mkdir()
    signing = Thread(target=sign_along, args=(database_url, folder, None, stop))
    signing.start()
    try:
        while not (folder / "refusal").exists():
            stop.wait(0.02)
        assert "The signer failed" in (folder / "refusal").read_text()
        assert signing.is_alive()
    finally:
        stop.set()
        signing.join()
