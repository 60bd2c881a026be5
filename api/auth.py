"""Keys to actors and scopes. A key is 256 random bits; only its SHA-256 is stored."""

import hmac
import secrets
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from msgspec import Struct
from psycopg import Connection

from ledger.domain.commands import Authority

KEY_PREFIX: Final = "clk_"
FRESH_S: Final = 5.0
"""A revoked key is refused after this many seconds at the latest, in every process."""

SCOPES: Final = (
    "admin",
    "facts:write:<cluster>",
    "figures:read",
    "organisations:write",
    "people:erase",
    "people:read",
    "people:write",
    "reports:file",
    "trail:read",
)


class Key(Struct, frozen=True):
    """A key as it is kept. Times are UTC; None: never."""

    key_id: UUID
    label: str
    scopes: tuple[str, ...]
    clusters: tuple[str, ...]
    sources: tuple[str, ...]
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def authority(self) -> Authority:
        """What the key lets its holder do. `facts:write:<c>` in its scopes covers cluster c."""
        written = {
            s.removeprefix("facts:write:") for s in self.scopes if s.startswith("facts:write:")
        }
        return Authority(
            f"key:{self.key_id}",
            frozenset(self.scopes) | {f"facts:write:{c}" for c in self.clusters},
            frozenset(self.clusters) | written,
            frozenset(self.sources),
        )

    def holds(self, now: datetime) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


_COLUMNS: Final = "key_id, label, scopes, clusters, sources, created_at, expires_at, revoked_at"


def _key(row: tuple[object, ...]) -> Key:
    return Key(*(tuple(v) if isinstance(v, list) else v for v in row))  # type: ignore[arg-type]  # the table's types


def create_key(
    conn: Connection[object],
    *,
    label: str,
    scopes: Iterable[str],
    clusters: Iterable[str] = (),
    sources: Iterable[str] = (),
    expires_at: datetime | None = None,
) -> tuple[str, UUID]:
    """A new key, shown once, and its id. `conn` acts as clusterledger_writer."""
    secret = KEY_PREFIX + secrets.token_urlsafe(32)
    key_id = uuid4()
    conn.execute(
        "INSERT INTO ledger.api_key (key_id, sha256, label, scopes, clusters, sources, expires_at)"
        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
        (key_id, digest_of(secret), label, list(scopes), list(clusters), list(sources), expires_at),
    )
    return secret, key_id


def list_keys(conn: Connection[object]) -> list[Key]:
    """All keys, oldest first; never the keys themselves."""
    rows = conn.execute(f"SELECT {_COLUMNS} FROM ledger.api_key ORDER BY created_at, key_id")  # noqa: S608 - a constant
    return [_key(row) for row in rows]  # type: ignore[arg-type]  # rows are tuples


def revoke_key(conn: Connection[object], key_id: UUID) -> bool:
    """Whether there was such a key to revoke."""
    done = conn.execute(
        "UPDATE ledger.api_key SET revoked_at = now() WHERE key_id = %s AND revoked_at IS NULL",
        (key_id,),
    )
    return done.rowcount > 0


def find_key(conn: Connection[object], digest: bytes) -> Key | None:
    """The key with this SHA-256; the index finds it, a constant-time comparison decides."""
    rows: list[Any] = conn.execute(
        f"SELECT sha256, {_COLUMNS} FROM ledger.api_key WHERE sha256 = %s",  # noqa: S608 - a constant
        (digest,),
    ).fetchall()
    return next((_key(row[1:]) for row in rows if hmac.compare_digest(row[0], digest)), None)


def digest_of(secret: str) -> bytes:
    """SHA-256 of a key: 32 bytes, all that is kept of it."""
    return sha256(secret.encode()).digest()


class Holder(Protocol):
    """Who may act: a key, or a person who signed in."""

    def authority(self) -> Authority:
        """What they may do."""

    def holds(self, now: datetime) -> bool:
        """Whether they still may."""


class KeyRing:
    """Who was seen lately, so that a request costs no query. A revoked key is known for `fresh_s`.

    Each is kept under 32 bytes: the SHA-256 of a key or token, the handle of a person.
    """

    def __init__(
        self, fresh_s: float = FRESH_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.fresh_s = fresh_s
        self._clock = clock
        self._seen: dict[bytes, tuple[float, Holder, Authority]] = {}

    def lookup(self, secret: str) -> tuple[bytes, Authority | None]:
        """The key's digest, and its authority if it was checked lately and is not expired."""
        digest = digest_of(secret)
        return digest, self.known(digest)

    def known(self, digest: bytes) -> Authority | None:
        """The authority of who was checked lately and still holds."""
        seen = self._seen.get(digest)
        if seen is None or self._clock() - seen[0] >= self.fresh_s:
            return None
        return seen[2] if seen[1].holds(datetime.now(UTC)) else None

    def admit(self, digest: bytes, holder: Holder | None) -> Authority | None:
        """Remember who was looked up; None where they do not hold."""
        if holder is None or not holder.holds(datetime.now(UTC)):
            self._seen.pop(digest, None)
            return None
        if len(self._seen) > 10_000:
            self._seen.clear()
        authority = holder.authority()
        self._seen[digest] = (self._clock(), holder, authority)
        return authority

    def forget(self, digest: bytes) -> None:
        """Look up anew at the next request."""
        self._seen.pop(digest, None)


def is_scope(text: str) -> bool:
    """Whether a text names a scope."""
    head, _, cluster = text.rpartition(":")
    return text in SCOPES or (head == "facts:write" and bool(cluster) and "<" not in cluster)
