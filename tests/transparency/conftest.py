"""A ledger of the test's own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from ledger.service import Ledger
from ledger.store.book import create
from ledger.store.database import connect
from ledger.transparency import keyring
from ledger.transparency.signer import Signer
from tests.domain.kit import Given

ORIGIN = "signed.example/2026"


@pytest.fixture(autouse=True)
def no_key_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment of whoever runs the tests signs nothing here."""
    monkeypatch.delenv(keyring.KEY_VARIABLE, raising=False)


@pytest.fixture
def signer(tmp_path: Path) -> Iterator[Signer]:
    """A signer that publishes."""
    with Signer(tmp_path / "log", ORIGIN, tmp_path / "published") as signer:
        yield signer


@pytest.fixture
def book_url(database_url: str) -> str:
    """The owner's URL of a database that holds an empty ledger."""
    create(database_url, ORIGIN)
    return database_url


@pytest.fixture
def given(book_url: str) -> Iterator[Given]:
    with Ledger.open(book_url) as ledger:
        yield Given(ledger)


@pytest.fixture
def owner(book_url: str) -> Iterator[psycopg.Connection]:
    with connect(book_url, None, autocommit=True) as conn:
        yield conn
