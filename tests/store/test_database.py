"""Connections, the settings we refuse, and migrations."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ledger.domain.streams import Kind
from ledger.store import database
from ledger.store import migrate as migrations
from ledger.store.database import Limits, UnsafeDatabase, connect, pool, refuse_unsafe_settings
from ledger.store.migrate import Migration, migrate, pending

ROLES = (database.WRITER, database.PROJECTOR, database.READER)
FIRST = migrations.known()[0]
HARMLESS = Migration(2, "harmless", "CREATE TABLE ledger.harmless (n integer PRIMARY KEY);")


def shown(conn: psycopg.Connection, setting: str) -> str:
    row = conn.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    assert row is not None
    return str(row[0])


@pytest.mark.parametrize("role", ROLES)
def test_a_connection_acts_as_its_role(database_url: str, role: str) -> None:
    with connect(database_url, role) as conn:
        assert conn.execute("SELECT current_user").fetchone() == (role,)


def test_a_connection_has_limits_utc_and_utf8(database_url: str) -> None:
    limits = Limits(statement_s=1.5, lock_s=0.25, idle_in_transaction_s=60)
    with connect(database_url, database.READER, limits=limits) as conn:
        assert shown(conn, "statement_timeout") == "1500ms"
        assert shown(conn, "lock_timeout") == "250ms"
        assert shown(conn, "idle_in_transaction_session_timeout") == "1min"
        assert shown(conn, "TimeZone") == "UTC"
        assert shown(conn, "client_encoding") == "UTF8"
        assert shown(conn, "application_name") == "clusterledger reader"


def test_options_in_the_url_are_kept(database_url: str) -> None:
    with connect(database_url + "&options=-c%20work_mem%3D7MB", database.READER) as conn:
        assert shown(conn, "work_mem") == "7MB"
        assert conn.execute("SELECT current_user").fetchone() == (database.READER,)


def test_a_statement_that_takes_too_long_is_ended(database_url: str) -> None:
    limits = Limits(statement_s=0.05)
    with (
        connect(database_url, database.READER, limits=limits) as conn,
        pytest.raises(psycopg.errors.QueryCanceled),
    ):
        conn.execute("SELECT pg_sleep(30)")


def test_a_pool_replaces_a_lost_connection(database_url: str, server: psycopg.Connection) -> None:
    with pool(database_url, database.READER, 1, 1, autocommit=True) as connections:
        with connections.connection() as conn:
            lost = conn.info.backend_pid
        server.execute("SELECT pg_terminate_backend(%s, 10000)", (lost,))
        with connections.connection() as conn:
            assert conn.execute("SELECT current_user").fetchone() == (database.READER,)
            assert conn.info.backend_pid != lost


def test_a_safe_database_is_taken(database_url: str) -> None:
    with connect(database_url, database.WRITER) as conn:
        refuse_unsafe_settings(conn)


def test_a_role_that_does_not_wait_for_the_disk_is_refused(database_url: str) -> None:
    with connect(database_url, database.WRITER) as conn:
        conn.execute("SET synchronous_commit = off")
        with pytest.raises(UnsafeDatabase, match="synchronous_commit is off, and must be on") as no:
            refuse_unsafe_settings(conn)
    assert (no.value.setting, no.value.value, no.value.wanted) == (
        "synchronous_commit",
        "off",
        "on",
    )


@pytest.mark.parametrize("value", ["y", "1", "True", " on "])
def test_the_flag_that_drops_the_lock_is_refused(
    database_url: str, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv(database.DB_FUNCTIONS_SETTING, value)
    with connect(database_url, database.WRITER) as conn, pytest.raises(UnsafeDatabase):
        refuse_unsafe_settings(conn)


def test_the_flag_set_to_no_is_taken(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(database.DB_FUNCTIONS_SETTING, "n")
    with connect(database_url, database.WRITER) as conn:
        refuse_unsafe_settings(conn)


def test_another_encoding_is_refused(server: psycopg.Connection, database_url: str) -> None:
    name = psycopg.conninfo.conninfo_to_dict(database_url)["dbname"]
    server.execute(
        f"CREATE DATABASE {name}_latin TEMPLATE template0 ENCODING 'LATIN1' "
        "LOCALE_PROVIDER libc LC_COLLATE 'C' LC_CTYPE 'C'".encode()
    )
    try:
        with (
            psycopg.connect(database_url.replace(f"/{name}?", f"/{name}_latin?")) as conn,
            pytest.raises(UnsafeDatabase, match="server_encoding is LATIN1"),
        ):
            refuse_unsafe_settings(conn)
    finally:
        server.execute(f"DROP DATABASE {name}_latin WITH (FORCE)".encode())


def test_every_migration_is_applied_once(empty_database_url: str) -> None:
    every = [migration.file for migration in migrations.known()]
    assert pending(empty_database_url) == every
    assert migrate(empty_database_url) == every
    assert migrate(empty_database_url) == []
    assert pending(empty_database_url) == []


def test_mentions_of_the_releases_before_are_kept_by_entity(empty_database_url: str) -> None:
    project, activity, organisation, one, two, three = (UUID(int=n) for n in range(6))
    migrate(empty_database_url, migrations.known()[:6])
    with psycopg.connect(empty_database_url) as conn:
        conn.execute("INSERT INTO ledger.mention VALUES (%s, 8, %s)", (organisation, project))
        conn.cursor().executemany(
            "INSERT INTO ledger.attendance_mention VALUES (%s, %s, %s)",
            [(activity, organisation, one), (activity, organisation, two), (activity, None, three)],
        )
    migrate(empty_database_url)
    with psycopg.connect(empty_database_url) as conn:
        rows = conn.execute("SELECT entity, kind, streams FROM ledger.mention").fetchall()
    assert {(entity, kind): sorted(streams) for entity, kind, streams in rows} == {
        (organisation, 8): [project],
        (organisation, Kind.attendance): [one, two],
        (activity, Kind.attendance): [one, two, three],
    }


def test_two_services_that_start_at_once_migrate_once(empty_database_url: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        applied = list(threads.map(lambda _: migrate(empty_database_url), range(4)))
    assert sorted(map(len, applied)) == [0, 0, 0, len(migrations.known())]


def test_a_changed_migration_is_refused(empty_database_url: str) -> None:
    migrate(empty_database_url, [FIRST])
    changed = Migration(1, FIRST.name, FIRST.sql + "\n-- later thoughts\n")
    for attempt in (migrate, pending):
        with pytest.raises(migrations.MigrationChanged, match="Migration 0001 was applied"):
            attempt(empty_database_url, [changed])


def test_a_database_newer_than_the_code_is_refused(empty_database_url: str) -> None:
    migrate(empty_database_url, [FIRST, HARMLESS])
    with pytest.raises(migrations.DatabaseTooNew, match=r"migration 0002 \(harmless\)"):
        migrate(empty_database_url, [FIRST])


def test_a_failing_migration_leaves_nothing_of_itself(empty_database_url: str) -> None:
    broken = Migration(3, "broken", "CREATE TABLE ledger.half (n integer); SELECT 1 / 0;")
    with pytest.raises(psycopg.errors.DivisionByZero):
        migrate(empty_database_url, [FIRST, HARMLESS, broken])
    assert pending(empty_database_url, [FIRST, HARMLESS, broken]) == ["0003_broken.sql"]
    with psycopg.connect(empty_database_url) as conn:
        row = conn.execute("SELECT to_regclass('ledger.harmless'), to_regclass('ledger.half')")
        assert row.fetchone() == ("ledger.harmless", None)


@given(st.lists(st.integers(1, 6), min_size=1, max_size=6))
def test_numbers_have_no_gap_and_no_double(numbers: list[int]) -> None:
    files = [Migration(number, f"m{i}", "") for i, number in enumerate(numbers)]
    if sorted(numbers) == list(range(1, len(numbers) + 1)):
        assert [file.version for file in migrations.in_order(files)] == sorted(numbers)
    else:
        with pytest.raises(migrations.MigrationNumbers):
            migrations.in_order(files)


@pytest.mark.parametrize("role", ROLES)
def test_no_role_may_change_what_was_migrated(database_url: str, role: str) -> None:
    with connect(database_url, role) as conn:
        assert conn.execute("SELECT count(*) FROM ledger.migration").fetchone() is not None
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM ledger.migration")


def test_only_the_projector_makes_schemas(database_url: str) -> None:
    with connect(database_url, database.PROJECTOR, autocommit=True) as conn:
        conn.execute("CREATE SCHEMA beside")
    for role in (database.WRITER, database.READER):
        with (
            connect(database_url, role, autocommit=True) as conn,
            pytest.raises(psycopg.errors.InsufficientPrivilege),
        ):
            conn.execute("CREATE SCHEMA elsewhere")


def test_an_owner_without_superuser_rights_migrates_and_serves(
    server: psycopg.Connection, empty_database_url: str
) -> None:
    """As on a managed server: an owner of one database who may create roles. Checked by acting as
    that user in the same server; the group roles exist already or are made here."""
    name = str(psycopg.conninfo.conninfo_to_dict(empty_database_url)["dbname"])
    owner = f"owner_{name}"
    server.execute(f"CREATE ROLE {owner} CREATEROLE".encode())
    try:
        server.execute(f"ALTER DATABASE {name} OWNER TO {owner}".encode())
        as_owner = f"{empty_database_url}&options=-c%20role%3D{owner}"
        assert migrate(as_owner, [FIRST]) == [FIRST.file]
        with psycopg.connect(as_owner) as conn:
            row = conn.execute(
                "SELECT nspowner::regrole::text FROM pg_namespace WHERE nspname = 'ledger'"
            )
            assert row.fetchone() == (owner,)
    finally:
        server.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        server.execute(f"DROP ROLE {owner}".encode())


def test_squawk_finds_nothing_in_the_migrations() -> None:
    folder = Path(migrations.__file__).parent / "migrations"
    excluded = {
        "prefer-bigint-over-smallint": "a code from a closed list does not grow",
        "prefer-robust-stmts": "a migration runs once, whole, in one transaction",
        "require-concurrent-index-creation": "not possible in a transaction; tables are new",
        "require-timeout-settings": "the runner sets them for the session",
    }
    squawk = subprocess.run(
        [
            Path(sys.executable).with_name("squawk"),
            "--assume-in-transaction",
            "--pg-version=15.0",
            f"--exclude={','.join(excluded)}",
            *sorted(folder.glob("*.sql")),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert squawk.returncode == 0, squawk.stdout + squawk.stderr
