"""A history that agrees with itself is found by who remembers: the signer, outside the database."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.store.database import READER, connect
from ledger.transparency.memory import SigningRefused
from ledger.transparency.signer import Signer
from tests.projections.book_writer import ORIGIN, tamper
from tests.tamper.stored import copied, fill
from tests.transparency.growing import Grown


@pytest.fixture(scope="module")
def original(server: psycopg.Connection, server_url: str, template: str) -> Iterator[str]:
    with copied(server, server_url, template) as url:
        fill(url, 100)
        yield str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])


@pytest.fixture
def url(server: psycopg.Connection, server_url: str, original: str) -> Iterator[str]:
    with copied(server, server_url, original) as made:
        yield made


def sign(url: str, folder: Path) -> int:
    with Signer(folder, ORIGIN) as signer, connect(url, READER, autocommit=True) as conn:
        return signer.advance(conn).size


EDIT = (
    "UPDATE ledger.facts SET state = convert_to(replace(convert_from(state, 'UTF8'),"
    " '\"version\":', '\"version\": '), 'UTF8') WHERE notification_id = 42"
)
REHASH = "UPDATE ledger.facts SET leaf_hash = sha256('\\x00'::bytea || state)"


def grow_anew(url: str) -> None:
    """Root, frontier and size of the facts there are: the database agrees with itself."""
    with psycopg.connect(url) as conn:
        rows = conn.execute("SELECT state FROM ledger.facts ORDER BY notification_id")
        frontier = Grown([leaf for (leaf,) in rows]).frontier
        root, hashes = frontier.root().hex(), b"".join(frontier.hashes).hex()
    tamper(
        url,
        f"UPDATE ledger.head SET position = {frontier.size}, tree_size = {frontier.size},"
        f" root = '\\x{root}', frontier = '\\x{hashes}'",
        "DELETE FROM ledger.tree_head",
    )


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ((EDIT, REHASH), "did not grow from the one"),
        (("DELETE FROM ledger.facts WHERE notification_id > 90",), "restored from an older backup"),
    ],
)
def test_a_database_that_agrees_with_itself_is_not_signed(
    url: str, tmp_path: Path, statements: tuple[str, ...], why: str
) -> None:
    sign(url, tmp_path)
    tamper(url, *statements)
    grow_anew(url)
    with pytest.raises(SigningRefused, match=why):
        sign(url, tmp_path)


def test_another_identity_is_not_signed(url: str, tmp_path: Path) -> None:
    sign(url, tmp_path)
    tamper(url, "UPDATE ledger.head SET origin = 'other.example/2026'")
    with (
        Signer(tmp_path, "other.example/2026") as signer,
        connect(url, READER, autocommit=True) as conn,
        pytest.raises(SigningRefused, match="the last checkpoint was of"),
    ):
        signer.advance(conn)


def test_the_same_database_untouched_is_signed_again(url: str, tmp_path: Path) -> None:
    """The control, and a restore that holds all that was signed."""
    size = sign(url, tmp_path)
    grow_anew(url)

    assert sign(url, tmp_path) == size
