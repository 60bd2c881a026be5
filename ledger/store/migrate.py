"""Migrations: plain SQL files, in order, each in one transaction, under one lock.

The user who migrates owns the book's tables. docs/adr/0002-migrations.md says why this is our own.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import psycopg
import structlog

from ledger.store.database import READER, UNLIMITED, connect
from ledger.store.errors import StoreError

log = structlog.get_logger(__name__)

# One number for every ledger: two services that start at once migrate one after the other.
ADVISORY_LOCK = 0x636C_6C65_6467_6572
FILE_NAME = re.compile(r"(\d{4})_([a-z0-9_]+)\.sql")

BOOTSTRAP = """
CREATE SCHEMA IF NOT EXISTS ledger;
CREATE TABLE IF NOT EXISTS ledger.migration (
    version    integer     NOT NULL PRIMARY KEY,
    name       text        NOT NULL,
    sha256     bytea       NOT NULL CHECK (octet_length(sha256) = 32),
    applied_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
"""


class MigrationChanged(StoreError):
    """Migration {version:04d} was applied as {applied}, and its file {file} now says something
    else: restore the file, and put the change into a new migration."""


class DatabaseTooNew(StoreError):
    """The database has migration {version:04d} ({name}), which this version of clusterledger
    does not know: start a newer version."""


class MigrationNumbers(StoreError):
    """Migration files must be numbered from 0001 without gap or double: {file} is not
    number {expected:04d}."""


@dataclass(frozen=True)
class Migration:
    """A file: its number from 1, its name without number and ending, its text."""

    version: int
    name: str
    sql: str

    @property
    def file(self) -> str:
        """The file's name."""
        return f"{self.version:04d}_{self.name}.sql"

    @property
    def sha256(self) -> bytes:
        """SHA-256 of the text as UTF-8: 32 bytes."""
        return hashlib.sha256(self.sql.encode()).digest()


def known() -> tuple[Migration, ...]:
    """The migrations that ship with this version, in order."""
    folder = resources.files("ledger.store") / "migrations"
    return in_order(
        [
            # Text mode: a checkout with other line ends is the same migration.
            Migration(int(matched[1]), matched[2], entry.read_text("utf-8"))
            for entry in folder.iterdir()
            if (matched := FILE_NAME.fullmatch(entry.name))
        ]
    )


def in_order(found: Sequence[Migration]) -> tuple[Migration, ...]:
    """Sorted by number; raises MigrationNumbers on a gap or a double."""
    ordered = tuple(sorted(found, key=lambda migration: (migration.version, migration.name)))
    for expected, migration in enumerate(ordered, start=1):
        if migration.version != expected:
            raise MigrationNumbers(file=migration.file, expected=expected)
    return ordered


def migrate(url: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """Applies what is missing; the names of the files applied now, in order.

    Waits while another process migrates the same database. A failing migration leaves those
    before it applied and nothing of itself.
    """
    wanted = known() if migrations is None else in_order(migrations)
    applied_now = []
    with connect(url, None, autocommit=True, limits=UNLIMITED) as conn:
        # Held by the session: a crash frees it.
        conn.execute("SELECT pg_advisory_lock(%s)", (ADVISORY_LOCK,))
        if not _has_table(conn):
            with conn.transaction():
                conn.execute(BOOTSTRAP)
        for migration in _pending(conn, wanted):
            with conn.transaction():
                conn.execute(migration.sql.encode())
                conn.execute(
                    "INSERT INTO ledger.migration (version, name, sha256) VALUES (%s, %s, %s)",
                    (migration.version, migration.name, migration.sha256),
                )
            log.info("migration_applied", file=migration.file)
            applied_now.append(migration.file)
    return applied_now


def pending(url: str, migrations: Sequence[Migration] | None = None) -> list[str]:
    """The names of the files that `migrate` would apply. Changes nothing; same errors."""
    wanted = known() if migrations is None else in_order(migrations)
    try:
        # As a reader: the service's login has no right of its own.
        conn = connect(url, READER, autocommit=True)
    except psycopg.OperationalError:
        # Before the first migration there may be no such role, or this login is no member of it.
        conn = connect(url, None, autocommit=True)
    with conn:
        return pending_in(conn, wanted)


def pending_in(
    conn: psycopg.Connection[Any], migrations: Sequence[Migration] | None = None
) -> list[str]:
    """The same on a connection that may read, with tuple rows."""
    wanted = known() if migrations is None else migrations
    if not _has_table(conn):
        return [migration.file for migration in wanted]
    return [migration.file for migration in _pending(conn, wanted)]


def _has_table(conn: psycopg.Connection) -> bool:
    row = conn.execute("SELECT to_regclass('ledger.migration') IS NOT NULL").fetchone()
    return row is not None and bool(row[0])


def _pending(conn: psycopg.Connection, wanted: Sequence[Migration]) -> Sequence[Migration]:
    by_version = {migration.version: migration for migration in wanted}
    rows = conn.execute(
        "SELECT version, name, sha256 FROM ledger.migration ORDER BY version"
    ).fetchall()
    for version, name, sha256 in rows:
        migration = by_version.pop(version, None)
        if migration is None:
            raise DatabaseTooNew(version=version, name=name)
        if migration.name != name or migration.sha256 != sha256:
            raise MigrationChanged(version=version, applied=name, file=migration.file)
    return tuple(by_version.values())
