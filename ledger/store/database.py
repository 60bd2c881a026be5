"""Connections with a role and limits, and the settings without which nothing is promised."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg_pool import ConnectionPool

from ledger.store.errors import StoreError

WRITER: Final = "clusterledger_writer"
PROJECTOR: Final = "clusterledger_projector"
READER: Final = "clusterledger_reader"

OLDEST_VERSION = 15
NEWEST_VERSION = 18
DB_FUNCTIONS_SETTING = "POSTGRES_ENABLE_DB_FUNCTIONS"


class UnsafeDatabase(StoreError):
    """The ledger does not start on this database: {setting} is {value}, and must be {wanted}."""

    def __init__(self, *, setting: str, value: str, wanted: str) -> None:
        self.setting, self.value, self.wanted = setting, value, wanted
        super().__init__(setting=setting, value=value, wanted=wanted)


CONNECTION_WAIT_S: Final = 3.0
"""How long a caller of a pool waits for a connection while the server is away."""
RECONNECT_S: Final = 2.0
"""After this long a pool gives up on a connection, and begins anew when it is asked for one. Left
to itself it tries ever more rarely, and is not back until long after a long outage."""


@dataclass(frozen=True)
class Limits:
    """How long a session may take, in seconds; 0 is no limit."""

    statement_s: float = 30
    lock_s: float = 10
    idle_in_transaction_s: float = 60


SERVING = Limits()
UNLIMITED = Limits(statement_s=0, lock_s=0, idle_in_transaction_s=0)  # migrations, rebuilds


def conninfo(url: str, role: str | None, *, limits: Limits = SERVING) -> str:
    """The connection string with role, limits, UTF-8 and UTC; `role=None` stays the login role."""
    given = conninfo_to_dict(url)
    options = {
        "statement_timeout": f"{limits.statement_s * 1000:.0f}",
        "lock_timeout": f"{limits.lock_s * 1000:.0f}",
        "idle_in_transaction_session_timeout": f"{limits.idle_in_transaction_s * 1000:.0f}",
        "timezone": "UTC",
        "datestyle": "ISO",
    }
    if role is not None:
        options["role"] = role
    ours = " ".join(f"-c {name}={value}" for name, value in options.items())
    overrides: dict[str, Any] = {
        "options": f"{given.get('options') or ''} {ours}".strip(),
        "client_encoding": "utf8",
        "application_name": given.get("application_name") or _application_name(role),
        "connect_timeout": given.get("connect_timeout") or "10",
    }
    return make_conninfo(url, **overrides)


def _application_name(role: str | None) -> str:
    return "clusterledger" if role is None else role.replace("clusterledger_", "clusterledger ")


def connect(
    url: str, role: str | None, *, autocommit: bool = False, limits: Limits = SERVING
) -> psycopg.Connection:
    """One connection that acts as the role. psycopg.OperationalError when it cannot be had."""
    return psycopg.connect(conninfo(url, role, limits=limits), autocommit=autocommit)


def pool(
    url: str,
    role: str | None,
    min_size: int,
    max_size: int,
    *,
    autocommit: bool = False,
    limits: Limits = SERVING,
) -> ConnectionPool:
    """An open pool of such connections. The caller closes it.

    A connection is checked before it is handed out, so that a restarted server costs one
    reconnection and no failed request.
    """
    return ConnectionPool(
        conninfo(url, role, limits=limits),
        kwargs={"autocommit": autocommit},
        min_size=min_size,
        max_size=max_size,
        check=ConnectionPool.check_connection,
        timeout=CONNECTION_WAIT_S,
        reconnect_timeout=RECONNECT_S,
        open=True,
    )


def refuse_unsafe_settings(conn: psycopg.Connection) -> None:
    """Raises UnsafeDatabase when an acknowledged fact could be lost, or order be broken.

    Settings are those in force for this session, so ALTER ROLE … SET is seen too.
    """
    # The library's database functions append without the lock that makes order equal to commit
    # order: a tailing reader then misses facts.
    if os.environ.get(DB_FUNCTIONS_SETTING, "").strip().lower() in {
        "y",
        "yes",
        "t",
        "true",
        "on",
        "1",
    }:
        raise UnsafeDatabase(
            setting=DB_FUNCTIONS_SETTING, value=os.environ[DB_FUNCTIONS_SETTING], wanted="unset"
        )
    version = conn.info.server_version // 10_000
    if not OLDEST_VERSION <= version <= NEWEST_VERSION:
        raise UnsafeDatabase(
            setting="the server's version",
            value=str(version),
            wanted=f"{OLDEST_VERSION} to {NEWEST_VERSION}",
        )
    for setting in ("fsync", "full_page_writes", "synchronous_commit"):
        if (value := _shown(conn, setting)) == "off":
            raise UnsafeDatabase(setting=setting, value=value, wanted="on")
    if (encoding := _shown(conn, "server_encoding")) != "UTF8":
        raise UnsafeDatabase(setting="server_encoding", value=encoding, wanted="UTF8")


def _shown(conn: psycopg.Connection, setting: str) -> str:
    row = conn.execute("SELECT current_setting(%s)", (setting,)).fetchone()
    assert row is not None
    return str(row[0])
