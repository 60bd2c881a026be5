"""People who sign in with an identity provider, and links that sign in once.

Of a person is kept: a random id, the SHA-256 of issuer and subject, the roles. No name, no address.
"""

import secrets
from datetime import datetime
from hashlib import sha256
from typing import Any, Final
from uuid import UUID, uuid4

from msgspec import Struct
from psycopg import Connection

from api.auth import create_key, digest_of
from api.roles import authority
from ledger.domain.commands import ADMIN, Authority

LINK_MINUTES: Final = 10
_PREFIX: Final = "cls_"
_COLUMNS: Final = "user_id, roles, handle, created_at, asserted_at"


class User(Struct, frozen=True):
    """A person as they are kept. `handle` is what their sessions name. Times are UTC."""

    user_id: UUID
    roles: tuple[str, ...]
    handle: bytes
    created_at: datetime
    asserted_at: datetime

    def authority(self) -> Authority:
        """What the person may do."""
        return authority(self.user_id, self.roles)

    def holds(self, _: datetime) -> bool:
        """Whether the provider gave them any role when they signed in last."""
        return bool(self.roles)


def subject_of(issuer: str, subject: str) -> bytes:
    """What a person is known by here: 32 bytes."""
    return sha256(f"{issuer}\n{subject}".encode()).digest()


def assert_roles(conn: Connection[Any], subject: bytes, roles: tuple[str, ...]) -> User | None:
    """Note what the provider says of a person. Sessions go on with these roles.

    Without a role nothing is kept of somebody new, and None comes back. `conn` acts as
    clusterledger_writer.
    """
    if not roles:
        conn.execute(
            "UPDATE ledger.app_user SET roles = '{}', asserted_at = now() WHERE subject = %s",
            (subject,),
        )
        return None
    row = conn.execute(
        "INSERT INTO ledger.app_user (user_id, subject, roles, handle) VALUES (%s, %s, %s, %s)"  # noqa: S608 - a constant
        " ON CONFLICT (subject) DO UPDATE SET roles = excluded.roles, asserted_at = now()"
        f" RETURNING {_COLUMNS}",
        (uuid4(), subject, list(roles), secrets.token_bytes(32)),
    ).fetchone()
    assert row is not None
    return _user(row)


def bearer(conn: Connection[Any], subject: bytes, roles: tuple[str, ...]) -> User | None:
    """The person an access token speaks for, with the token's roles; sessions keep theirs. None:
    somebody new, without a role.
    """
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM ledger.app_user WHERE subject = %s",  # noqa: S608 - a constant
        (subject,),
    ).fetchone()
    if row is None:
        return assert_roles(conn, subject, roles)
    user = _user(row)
    return User(user.user_id, roles, user.handle, user.created_at, user.asserted_at)


def find_user(conn: Connection[Any], handle: bytes) -> User | None:
    """The person whose sessions name this handle."""
    row = conn.execute(
        f"SELECT {_COLUMNS} FROM ledger.app_user WHERE handle = %s",  # noqa: S608 - a constant
        (handle,),
    ).fetchone()
    return None if row is None else _user(row)


def list_users(conn: Connection[Any]) -> list[User]:
    """Everybody who has signed in, who came last first."""
    rows = conn.execute(
        f"SELECT {_COLUMNS} FROM ledger.app_user ORDER BY asserted_at DESC, user_id LIMIT 500"  # noqa: S608 - a constant
    )
    return [_user(row) for row in rows]


def end_sessions(conn: Connection[Any], user_id: UUID) -> bool:
    """End all sessions of a person; whether there is such a person."""
    done = conn.execute(
        "UPDATE ledger.app_user SET handle = %s WHERE user_id = %s",
        (secrets.token_bytes(32), user_id),
    )
    return done.rowcount > 0


def create_link(conn: Connection[Any]) -> str:
    """The secret of a link that signs an operator in, once, within LINK_MINUTES.

    Only its SHA-256 is stored. `conn` acts as clusterledger_writer.
    """
    secret = _PREFIX + secrets.token_urlsafe(32)
    conn.execute("DELETE FROM ledger.sign_in_link WHERE expires_at < now()")
    conn.execute(
        "INSERT INTO ledger.sign_in_link VALUES (%s, now() + make_interval(mins => %s))",
        (digest_of(secret), LINK_MINUTES),
    )
    return secret


def follow_link(conn: Connection[Any], secret: str, lasts_s: int) -> bytes | None:
    """Use a link up: the digest of an operator's key that lasts as long as a session, and that
    nobody holds. None where the link was used, is over, or never was.
    """
    with conn.transaction():
        row = conn.execute(
            "DELETE FROM ledger.sign_in_link WHERE sha256 = %s"
            " RETURNING expires_at > now(), now() + make_interval(secs => %s)",
            (digest_of(secret), lasts_s),
        ).fetchone()
        if row is None or not row[0]:
            return None
        key, _ = create_key(
            conn, label="sign-in link", scopes=[ADMIN], sources=["*"], expires_at=row[1]
        )
    return digest_of(key)


def _user(row: tuple[Any, ...]) -> User:
    user_id, roles, handle, created_at, asserted_at = row
    return User(user_id, tuple(roles), bytes(handle), created_at, asserted_at)
