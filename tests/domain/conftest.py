"""One ledger for all tests of a file: their ids are fresh, so they don't meet."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from ledger.service import Ledger
from ledger.store.book import create
from tests.domain.kit import Given

ORIGIN = "rules.example/2026"


@pytest.fixture(scope="module")
def ledger_url(server: psycopg.Connection, server_url: str, template: str) -> Iterator[str]:
    name = f"test_{uuid4().hex[:12]}"
    database = sql.Identifier(name)
    server.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(database, sql.Identifier(template))
    )
    url = make_conninfo(server_url, dbname=name)
    try:
        create(url, ORIGIN)
        yield url
    finally:
        server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(database))


@pytest.fixture(scope="module")
def given(ledger_url: str) -> Iterator[Given]:
    with Ledger.open(ledger_url) as ledger:
        yield Given(ledger)
